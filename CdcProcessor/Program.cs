using AspireCdc.CdcProcessor;
using AspireCdc.CdcProcessor.Operations;
using AspireCdc.Star.Model;
using Microsoft.Extensions.Options;

if (Verbs.IsVerb(args))
    return await Verbs.RunAsync(args, Console.Out, Console.Error, CancellationToken.None);

try
{
    await using var app = CdcProcessorApp.Create([.. args.Where(arg => arg != "run")]);
    await app.RunAsync();
    return 0;
}
// What the user can change gets a sentence: a setting, an address in use.
catch (Exception e) when (e is OptionsValidationException or FormatException or IOException or InvalidOperationException
    or StarModelException)
{
    Console.Error.WriteLine(e.Message);
    return 1;
}
