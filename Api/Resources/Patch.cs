using AspireCdc.Shop;

namespace AspireCdc.Api.Resources;

/// <summary>Stands for the body of a PATCH in the API's description: any of the fields of
/// <typeparamref name="T"/>, none required.</summary>
internal sealed class Patch<T> where T : Entity;
