using AspireCdc.Star.Model;
using AspireCdc.Star.Statements;

namespace AspireCdc.Star.Difference;

/// <summary>What happens to one table and its companions.</summary>
internal sealed class TableDifference
{
    private readonly List<Operation> _views = [];
    private readonly List<Operation> _landing = [];
    private readonly List<Operation> _losses = [];
    private readonly List<Companion> _made = [];
    private readonly List<Companion> _viewsMade = [];
    private readonly List<Operation> _companionsGone = [];
    private readonly TableMapping _after;
    private readonly bool _isNew;

    public TableDifference(TablePair pair, SaidChanges said, List<string> faults)
    {
        _after = pair.After;
        _isNew = pair.Before is null;
        if (pair.Before is not { } before)
        {
            _landing.Add(new CreateLanding(_after));
            _made.AddRange(_after.Companions);
            _viewsMade.AddRange(_after.Companions);
            return;
        }

        var was = Match(before, said, faults);
        var changes = CompareLanding(before, was);
        CompareCompanions(before, was, changes.Count > 0);
        _landing.AddRange(changes);
    }

    /// <summary>Views that are dropped before anything else, and made again later.</summary>
    public IReadOnlyList<Operation> ViewsInTheWay => [.. _views, .. _companionsGone];

    public IReadOnlyList<Operation> Landing => _landing;

    public IEnumerable<Operation> Companions => _made.Select(companion => new CreateCompanion(_after, companion));

    public IEnumerable<Operation> Views => _viewsMade.Select(companion => new CreateView(_after, companion));

    /// <summary>A view that was away has missed what landed meanwhile.</summary>
    public IEnumerable<Operation> Fillings => _isNew ? [] : _viewsMade.Select(companion => new FillCompanion(_after, companion));

    public IReadOnlyList<Operation> Losses => _losses;

    /// <summary>The old column of each new one, by the new one's name in the landing table.</summary>
    private Dictionary<string, ColumnMapping> Match(TableMapping before, SaidChanges said, List<string> faults)
    {
        var left = before.Columns.ToDictionary(column => column.Source);
        var was = new Dictionary<string, ColumnMapping>();
        foreach (var column in _after.Columns)
        {
            if (left.Remove(column.Source, out var same))
                was[column.Landing] = same;
        }
        foreach (var column in _after.Columns.Where(column => !was.ContainsKey(column.Landing)))
        {
            if (said.ColumnsWere.TryGetValue((_after.Source, column.Source), out var name) && left.Remove(name, out var old))
                was[column.Landing] = old;
            else if (left.Values.FirstOrDefault(candidate => candidate.Landing == column.Landing) is { } kept && left.Remove(kept.Source))
                was[column.Landing] = kept;
        }

        foreach (var column in left.Values)
        {
            if (!said.DroppedColumns.Contains((_after.Source, column.Source)))
            {
                faults.Add(
                    $"the column {_after.Source}.{column.Source} is gone: say [Dropped(\"{column.Source}\")] on its entity if its " +
                    $"values in {_after.Landing} shall go, "
                    + $"or [WasCalled(\"{column.Source}\")] on the property that it became");
            }
            _losses.Add(new DropColumn(_after, column.Landing));
        }
        return was;
    }

    private List<Operation> CompareLanding(TableMapping before, Dictionary<string, ColumnMapping> was)
    {
        var changes = new List<Operation>();
        if (before.Landing != _after.Landing)
            changes.Add(new RenameTable(before.Landing, _after.Landing));
        if (before.Source != _after.Source)
            changes.Add(new RenameSource(_after, before.Source));

        if (ReasonToRebuild(before, was) is { } reason)
        {
            _losses.RemoveAll(loss => loss is DropColumn);
            changes.Add(new RebuildLanding(_after, was, reason));
            return changes;
        }

        string? previous = null;
        foreach (var column in _after.Columns)
        {
            if (!was.TryGetValue(column.Landing, out var old))
                changes.Add(new AddColumn(_after, column, previous));
            else
            {
                if (old.Landing != column.Landing)
                    changes.Add(new RenameColumn(_after, old.Landing, column.Landing));
                else if (old.Source != column.Source)
                    changes.Add(new RenameSourceColumn(_after, column, old.Source));
                if (old.Type.Name != column.Type.Name)
                    changes.Add(new WidenColumn(_after, column, old.Type.Name));
            }
            previous = column.Landing;
        }
        return changes;
    }

    /// <summary>ClickHouse changes a key in no way, and a type only to one that holds all that the old one did.</summary>
    private string? ReasonToRebuild(TableMapping before, Dictionary<string, ColumnMapping> was)
    {
        var key = _after.KeyColumns.Select(name => was.GetValueOrDefault(name)).ToList();
        if (before.AppendOnly != _after.AppendOnly)
            return _after.AppendOnly ? "its rows are only inserted from now on" : "its rows have a key from now on";
        if (!key.SequenceEqual(before.Key.Select(i => before.Columns[i])) || _after.Key.Any(i => IsAnother(_after.Columns[i], was)))
            return $"its key is another one ({string.Join(", ", _after.KeyColumns)})";
        if (_after.Columns.FirstOrDefault(column =>
            was.TryGetValue(column.Landing, out var old) && !Conversion.IsWider(old.Type, column.Type)) is { } narrower)
            return $"{narrower.Landing} is {narrower.Type} and was {was[narrower.Landing].Type}";
        return null;
    }

    private static bool IsAnother(ColumnMapping column, Dictionary<string, ColumnMapping> was) =>
        was[column.Landing].Landing != column.Landing || was[column.Landing].Type.Name != column.Type.Name;

    private void CompareCompanions(TableMapping before, Dictionary<string, ColumnMapping> was, bool landingChanges)
    {
        var old = before.Companions.ToDictionary(companion => companion.Name);
        foreach (var companion in _after.Companions)
        {
            if (!old.Remove(companion.Name, out var known))
            {
                _made.Add(companion);
                _viewsMade.Add(companion);
            }
            else if (Shape(before, known) != Shape(_after, companion))
            {
                _companionsGone.Add(new DropCompanion(known, IsMadeAnew: true));
                _made.Add(companion);
                _viewsMade.Add(companion);
            }
            else if (landingChanges && (before.Landing != _after.Landing || ReasonToRebuild(before, was) is not null))
            {
                // The view hangs on the table that is exchanged or renamed.
                _views.Add(new DropView(companion));
                _viewsMade.Add(companion);
            }
        }

        // Where its table changes, a view that reads a column under an old name must not wait.
        var unused = old.Values.Select(companion => new DropCompanion(companion, IsMadeAnew: false));
        if (landingChanges)
            _companionsGone.AddRange(unused);
        else
            _losses.InsertRange(0, unused);
    }

    private static string Shape(TableMapping table, Companion companion) =>
        string.Join(", ", TableStatements.ColumnsOf(table, companion).Select(column => $"{column.Landing} {column.Type}")
            .Prepend(string.Join(' ', companion.Columns)));
}
