using AspireCdc.CdcProcessor;
using Microsoft.Extensions.Options;

try
{
    await using var app = CdcProcessorApp.Create(args);
    await app.RunAsync();
    return 0;
}
// What the user can change gets a sentence: a setting, an address in use.
catch (Exception e) when (e is OptionsValidationException or FormatException or IOException or InvalidOperationException)
{
    Console.Error.WriteLine(e.Message);
    return 1;
}
