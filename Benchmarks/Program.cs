using AspireCdc.Benchmarks.Api;
using AspireCdc.Benchmarks.Cdc;
using AspireCdc.Benchmarks.Growth;
using AspireCdc.Benchmarks.Latency;

return args switch
{
    [] or [['-', ..], ..] => await CdcCommand.RunAsync(args),
    [CdcCommand.Verb, .. var rest] => await CdcCommand.RunAsync(rest),
    [ApiCommand.Verb, .. var rest] => await ApiCommand.RunAsync(rest),
    [GrowthCommand.Verb, .. var rest] => await GrowthCommand.RunAsync(rest),
    [LatencyCommand.Verb, .. var rest] => await LatencyCommand.RunAsync(rest),
    [var unknown, ..] => await UnknownAsync(unknown),
};

static async Task<int> UnknownAsync(string verb)
{
    await Console.Error.WriteLineAsync(
        $"Benchmarks does not know '{verb}'. There are {CdcCommand.Verb} (the default), {ApiCommand.Verb}, {GrowthCommand.Verb} and " +
        $"{LatencyCommand.Verb}; each explains itself with --help.");
    return 2;
}
