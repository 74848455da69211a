using AspireCdc.EmbeddedClickHouse.Engine;
using AspireCdc.EmbeddedClickHouse.Hosting;
using AspireCdc.ServiceDefaults;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Options;

try
{
    var builder = WebApplication.CreateBuilder(args);
    builder.AddServiceDefaults();
    builder.AddEngine();
    builder.AddHttpInterface();

    await using var app = builder.Build();
    app.Services.GetRequiredService<ChdbEngine>().Start();
    app.MapDefaultEndpoints();
    app.MapHttpInterface();
    await app.RunAsync();
    return 0;
}
catch (Exception e) when (e is OptionsValidationException or EngineStartException || e.InnerException is AddressInUseException)
{
    var sentences = e is OptionsValidationException invalid ? string.Join(Environment.NewLine, invalid.Failures) : e.Message;
    await Console.Error.WriteLineAsync(sentences);
    return 1;
}
