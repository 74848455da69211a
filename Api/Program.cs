using AspireCdc.Api;
using AspireCdc.Api.InitDb;
using Microsoft.Extensions.Options;

try
{
    if (args is [InitDbCommand.Name, .. var options])
    {
        await using var tools = ShopApi.Create([.. options.Where(InitDbCommand.IsSetting)]);
        return await InitDbCommand.RunAsync(tools.Services, options, Console.In, Console.Out, CancellationToken.None);
    }
    await using var api = ShopApi.Create(args);
    await AutoInitDb.RunAsync(api);
    await api.RunAsync();
    return 0;
}
// What the user can change gets a sentence: a setting, an address in use.
catch (Exception e) when (e is InitDbException or OptionsValidationException or FormatException or IOException)
{
    Console.Error.WriteLine(e.Message);
    return 1;
}
