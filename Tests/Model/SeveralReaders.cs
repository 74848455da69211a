namespace AspireCdc.Tests.ModelChecking;

/// <summary>
/// PostgreSQL → topic → ClickHouse with a group of processors, run through one random history: crashes of all, rebalances, late writes.
/// Half of the histories have our connector, half have Redpanda Connect's messages.
/// </summary>
internal sealed class SeveralReaders
{
    private const int Consumers = 2;

    private readonly Rule _broken;
    private readonly Dice _dice;
    private readonly Postgres _postgres;
    private readonly ClickHouse _clickHouse;
    private readonly DeadLetters _deadLetters;
    private readonly Topic _topic;
    private readonly LateWrites _late;
    private readonly Connector _connector;
    private readonly Process _connecting;
    private readonly Consumer[] _consumers;
    private readonly Process[] _consuming;
    private readonly bool _complete;
    private readonly bool _changesDefinition;
    private bool _retriesAll;

    public SeveralReaders(int seed, Rule broken)
    {
        _broken = broken;
        _dice = new(seed);
        _complete = _dice.Chance(0.5);
        _postgres = new(_dice, broken) { MayTruncate = _complete, MayLose = _complete };
        _clickHouse = new(_dice);
        _deadLetters = new(broken);
        _topic = new();
        _late = new(_dice, _clickHouse);
        _connector = new(_dice, broken, _postgres, _topic, _complete, new(~seed)) { RepairsLeft = _complete && seed % 4 == 3 ? 3 : 0 };
        _connecting = new(_connector.Run, _clickHouse);
        var star = new Star(_clickHouse, broken);
        _changesDefinition = seed % 2 == 1;
        _consumers = [.. Enumerable.Range(0, Consumers).Select(_ => new Consumer(_dice, broken, _topic, _clickHouse, _deadLetters, star))];
        _consuming = [.. _consumers.Select(consumer => new Process(consumer.Run, _clickHouse))];
    }

    /// <summary>Runs the history of a seed; returns what is wrong at its end, or null.</summary>
    public string? Run(double crashRate)
    {
        Rebalance();
        double connectorSpeed = _dice.Pick([0.3, 1, 3]), consumerSpeed = _dice.Pick([0.5, 2, 5]);
        var steps = _dice.Between(10, 120);
        var changesAt = _changesDefinition ? _dice.Below(steps) : -1;
        for (; steps > 0; steps--)
        {
            if (steps == changesAt)
                ChangeDefinition();
            else if (steps < changesAt && _clickHouse is { IsOld: true, IsWhole: false } && _dice.Chance(0.02))
                ChangeBack();
            if (_dice.Chance(0.12))
                _postgres.Commit();
            Step(_connecting, connectorSpeed);
            for (var i = 0; i < Consumers; i++)
                StepConsumer(i, consumerSpeed);
            if (_dice.Chance(crashRate * 2))
                KillConnector();
            for (var i = 0; i < Consumers; i++)
                if (_consuming[i].IsAtStatement && _dice.Chance(crashRate * 5))
                    DieAtStatement(i);
            if (_dice.Chance(crashRate))
                KillConsumer(_dice.Below(Consumers));
            if (_dice.Chance(crashRate))
                Rebalance();
            if (_dice.Chance(crashRate / 4))
                LosePower();
            if (_dice.Chance(0.1))
                _late.ArriveSome();
            if (_dice.Chance(0.1))
                _connector.StrayMessagesArrive();
            if (_broken == Rule.TombstonesStay && _dice.Chance(0.1))
                _clickHouse.Cleanup();
        }

        return Drain() ?? RetryAll();
    }

    private string? RetryAll()
    {
        _retriesAll = true;
        foreach (var key in _deadLetters.Open.Where(letter => letter.TextUnchanged).Select(letter => letter.Key).ToHashSet())
            _postgres.Rewrite(key); // what lacks a column waits for a whole row
        return Drain();
    }

    private string? Drain()
    {
        for (var step = 0; step < 20_000; step++)
        {
            _connecting.Step();
            // What arrives may replace a table, and then nobody is at rest.
            var arrived = _dice.Chance(0.05) && _late.ArriveSome();
            for (var i = 0; i < Consumers; i++)
                StepConsumer(i, speed: arrived ? 1 : 0.8);
            if (!_connecting.IsIdle || !_consuming.All(consumer => consumer.IsIdle) || !_topic.IsConsumed
                || (_retriesAll && _deadLetters.Open.Count > 0))
                continue;
            if (!_late.ArriveAll())
                return Invariant.Violation(_postgres, _clickHouse, _deadLetters);
            for (var i = 0; i < Consumers; i++)
                StepConsumer(i, speed: 1);
        }

        return "it never comes to rest";
    }

    private void Step(Process process, double speed)
    {
        for (; speed > 0; speed--)
            if (_dice.Chance(speed))
                process.Step();
    }

    private void StepConsumer(int index, double speed)
    {
        for (; speed > 0; speed--)
            if (_dice.Chance(speed) && _consuming[index].Fails())
                KillConsumer(index);
    }

    private void ChangeBack()
    {
        KillConsumers();
        if (_clickHouse.IsOld) // a replacement that was sent may have arrived
            _clickHouse.ChangeBack();
    }

    /// <summary>All processors end, and others start, with another definition of the facts, or with facts that nobody had.</summary>
    private void ChangeDefinition()
    {
        KillConsumers();
        if (_dice.Chance(0.5))
            _clickHouse.ChangeDefinition();
        else
            _clickHouse.MakeFactsAnew();
    }

    private void KillConnector()
    {
        _connecting.Kill();
        _connector.Killed();
    }

    private void KillConsumer(int index)
    {
        _late.Kill(_consuming[index]);
        _consumers[index].Restart();
    }

    private void KillConsumers()
    {
        for (var i = 0; i < Consumers; i++)
            KillConsumer(i);
    }

    private void DieAtStatement(int index)
    {
        if (_dice.Chance(0.3))
            LosePower();
        else
            KillConsumer(index);
    }

    private void Rebalance()
    {
        var owners = Enumerable.Range(0, Topic.Partitions).ToLookup(_ => _dice.Below(Consumers));
        for (var i = 0; i < Consumers; i++)
            _consumers[i].Assign([.. owners[i]]);
    }

    private void LosePower()
    {
        KillConsumers();
        _late.Forget();
        _clickHouse.LosePower();
    }
}
