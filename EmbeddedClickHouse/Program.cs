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
    app.UseForeignPageRefusal();
    app.MapDefaultEndpoints();
    app.MapHttpInterface();
    await app.RunAsync();
    return 0;
}
catch (OptionsValidationException e)
{
    await Console.Error.WriteLineAsync(string.Join(Environment.NewLine, e.Failures));
    return 1;
}
catch (EngineStartException e)
{
    await Console.Error.WriteLineAsync(e.Message);
    return 1;
}
catch (IOException e) when (e.InnerException is AddressInUseException)
{
    await Console.Error.WriteLineAsync($"{e.Message} Stop the program that has the port, or set ASPNETCORE_URLS or --urls to another one.");
    return 1;
}
