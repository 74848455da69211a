using AspireCdc.Benchmarks.Cdc;

return args switch
{
    [] or ["cdc", ..] or ["--" or ['-', ..], ..] => await CdcCommand.RunAsync([.. args.SkipWhile(arg => arg == CdcCommand.Verb)]),
    _ => Unknown(args[0]),
};

static int Unknown(string verb)
{
    Console.Error.WriteLine($"Benchmarks does not know '{verb}'. Try: cdc (the default)");
    return 2;
}
