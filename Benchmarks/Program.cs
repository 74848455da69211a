using AspireCdc.Benchmarks.Api;
using AspireCdc.Benchmarks.Cdc;

return args switch
{
    [] or ["cdc", ..] or ["--" or ['-', ..], ..] => await CdcCommand.RunAsync([.. args.SkipWhile(arg => arg == CdcCommand.Verb)]),
    [ApiCommand.Verb, .. var options] => await ApiCommand.RunAsync(options),
    _ => Unknown(args[0]),
};

static int Unknown(string verb)
{
    Console.Error.WriteLine($"Benchmarks does not know '{verb}'. Try: cdc (the default), api");
    return 2;
}
