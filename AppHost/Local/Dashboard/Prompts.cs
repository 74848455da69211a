using System.Collections.Concurrent;
using System.Threading.Channels;
using AspireCdc.AppHost.Local.Dashboard.Contract;

namespace AspireCdc.AppHost.Local.Dashboard;

/// <summary>Questions to whoever looks at the dashboard, and their answers.</summary>
internal sealed class Prompts
{
    private readonly ConcurrentDictionary<int, Prompt> _open = [];
    private readonly ConcurrentDictionary<ChannelWriter<WatchInteractionsResponseUpdate>, bool> _watchers = [];
    private int _lastId;

    /// <summary>Asks every open page and takes the first answer; false when the question was dismissed.</summary>
    public async Task<bool> AskAsync(string title, string? message, InteractionInputCollection inputs, CancellationToken cancellationToken)
    {
        if (inputs.Count == 0)
            return true;
        var id = Interlocked.Increment(ref _lastId);
        var prompt = _open[id] = new(inputs, new(TaskCreationOptions.RunContinuationsAsynchronously));
        try
        {
            var question = new WatchInteractionsResponseUpdate
            {
                InteractionId = id,
                Title = title,
                Message = message ?? "",
                PrimaryButtonText = title,
                ShowSecondaryButton = true,
                ShowDismiss = true,
                InputsDialog = new(),
            };
            question.InputsDialog.InputItems.AddRange(inputs.Select(Map));
            Tell(question);
            return await prompt.Answer.Task.WaitAsync(cancellationToken);
        }
        finally
        {
            _open.TryRemove(id, out _);
            Tell(new() { InteractionId = id, Complete = new() });
        }
    }

    public ChannelReader<WatchInteractionsResponseUpdate> Watch(CancellationToken cancellationToken)
    {
        var channel = Channel.CreateUnbounded<WatchInteractionsResponseUpdate>();
        _watchers[channel.Writer] = true;
        cancellationToken.Register(() => _watchers.TryRemove(channel.Writer, out _));
        return channel.Reader;
    }

    /// <summary>Somebody has answered, or has closed the dialog.</summary>
    public void Answer(WatchInteractionsRequestUpdate answer)
    {
        if (answer.ResponseUpdate || !_open.TryGetValue(answer.InteractionId, out var prompt))
            return;
        if (answer.KindCase == WatchInteractionsRequestUpdate.KindOneofCase.InputsDialog)
        {
            foreach (var item in answer.InputsDialog.InputItems)
                prompt.Inputs[item.Name].Value = item.Value;
        }

        prompt.Answer.TrySetResult(answer.KindCase == WatchInteractionsRequestUpdate.KindOneofCase.InputsDialog);
    }

    private void Tell(WatchInteractionsResponseUpdate update)
    {
        foreach (var watcher in _watchers.Keys)
            watcher.TryWrite(update);
    }

    private static Contract.InteractionInput Map(Aspire.Hosting.ApplicationModel.InteractionInput input)
    {
        var item = new Contract.InteractionInput
        {
            Name = input.Name,
            Label = input.Label ?? input.Name,
            InputType = (Contract.InputType)(input.InputType + 1),
            Required = input.Required,
            Value = input.Value ?? "",
        };
        foreach (var (value, text) in input.Options ?? [])
            item.Options.Add(value, text);
        return item;
    }

    private sealed record Prompt(InteractionInputCollection Inputs, TaskCompletionSource<bool> Answer);
}
