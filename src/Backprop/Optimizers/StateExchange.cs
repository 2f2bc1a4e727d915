using System.Numerics;
using static System.FormattableString;

namespace Backprop;

/// <summary>
/// Carries named numbers out of an object and back into it. The object names each of its values once, in one method, and that method
/// serves to read the state, to check one that is to be restored, and to restore it; so the three cannot drift apart.
/// </summary>
public class StateExchange
{
    private readonly OrderedDictionary<string, double> _numbers;
    private readonly HashSet<string> _known = [];
    private readonly List<string> _problems = [];
    private readonly OrderedDictionary<string, double> _fixed = [];

    private protected StateExchange(Purpose purpose, IReadOnlyDictionary<string, double> numbers) => (Now, _numbers) = (purpose, new(numbers));

    private protected enum Purpose { Read, Check, Restore }

    /// <summary>What comes before the names.</summary>
    internal string Prefix { get; set; } = "";

    private protected Purpose Now { get; }

    private protected OrderedDictionary<string, double> Numbers => _numbers;

    /// <summary>A number to restore.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="current">What it is.</param>
    /// <returns>What it shall be: the state's number when one is restored, else <paramref name="current"/>.</returns>
    public double Value(string name, double current) => Exchange(name, current, required: true) ?? current;

    /// <summary>A number to restore that is not always there.</summary>
    /// <inheritdoc cref="Value(string, double)"/>
    public double? Value(string name, double? current) => Exchange(name, current, required: false);

    /// <summary>A count to restore: an integer, at least 0.</summary>
    /// <inheritdoc cref="Value(string, double)"/>
    public long Count(string name, long current) => Count(name, current, 1L << 53);

    /// <inheritdoc cref="Count(string, long)"/>
    public int Count(string name, int current) => (int)Count(name, current, int.MaxValue);

    /// <summary>A number that stays as it is: a state with another one does not fit.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="current">What it is.</param>
    public void Same(string name, double current)
    {
        if (Now == Purpose.Check && _numbers.TryGetValue(Prefix + name, out var given) && !given.Equals(current))
            AddProblem($"{Prefix}{name} is {given} there and {current} here");
        if (Now == Purpose.Read) _fixed[Prefix + name] = current;
        Value(name, current);
    }

    /// <summary>A choice that stays as it is, 1 for yes and 0 for no: a state with the other one does not fit.</summary>
    /// <inheritdoc cref="Same(string, double)"/>
    public void Same(string name, bool current) => Same(name, current ? 1 : 0);

    /// <summary>The state of a scheduler within this one, under names of its own.</summary>
    /// <param name="name">What comes before its names, with a dot.</param>
    /// <param name="scheduler">The scheduler.</param>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    public void Part(string name, LRScheduler scheduler)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(scheduler);
        var outer = Prefix;
        Prefix = $"{outer}{name}.";
        scheduler.ExchangeWith(this);
        Prefix = outer;
    }

    /// <summary>Reads an object's numbers.</summary>
    internal static IReadOnlyDictionary<string, double> Read(Action<StateExchange> exchange)
    {
        var read = new StateExchange(Purpose.Read, new Dictionary<string, double>());
        exchange(read);
        return read.Numbers;
    }

    /// <summary>Reads those of an object's numbers that stay as they are.</summary>
    internal static IReadOnlyDictionary<string, double> ReadFixed(Action<StateExchange> exchange)
    {
        var read = new StateExchange(Purpose.Read, new Dictionary<string, double>());
        exchange(read);
        return read._fixed;
    }

    /// <summary>Restores an object's numbers: all of them or, with an exception that says why, none.</summary>
    internal static void Restore(string owner, IReadOnlyDictionary<string, double> state, Action<StateExchange> exchange, string parameter)
    {
        ArgumentNullException.ThrowIfNull(state, parameter);
        Restore(owner, exchange, new(Purpose.Check, state), new(Purpose.Restore, state), undo: new(Purpose.Restore, Read(exchange)), parameter);
    }

    private protected static void Restore<TExchange>(string owner, Action<TExchange> exchange, TExchange check, TExchange restore, TExchange undo, string parameter)
        where TExchange : StateExchange
    {
        exchange(check);
        check.AddUnknown();
        if (check._problems.Count > 0) throw new ArgumentException($"{owner} cannot go on from this state: {string.Join("; ", check._problems)}.", parameter);
        try
        {
            exchange(restore);
        }
        catch    // a property refused its value
        {
            exchange(undo);
            throw;
        }
    }

    private protected virtual void AddUnknown() => AddUnknown(_numbers.Keys, _known);

    private protected void AddUnknown(IEnumerable<string> names, HashSet<string> known)
    {
        foreach (var name in names)
            if (!known.Contains(name)) AddProblem($"{name} is not known here");
    }

    private protected void AddProblem(FormattableString problem) => _problems.Add(Invariant(problem));

    private long Count(string name, long current, long largest)
    {
        if (Now == Purpose.Check && _numbers.TryGetValue(Prefix + name, out var given) && !(double.IsInteger(given) && given >= 0 && given <= largest))
            AddProblem($"{Prefix}{name} is {given}, which is no count");
        return (long)Value(name, (double)current);
    }

    private double? Exchange(string name, double? current, bool required)
    {
        _known.Add(name = Prefix + name);
        if (Now == Purpose.Read)
        {
            if (current is double value) _numbers.Add(name, value);
            return current;
        }

        var found = _numbers.TryGetValue(name, out var given);
        if (required && !found && Now == Purpose.Check) AddProblem($"{name} is missing");
        return Now == Purpose.Check ? current : found ? given : null;
    }
}

/// <summary>Carries named numbers and the buffers of parameters out of an optimizer and back into it.</summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
internal sealed class StateExchange<T> : StateExchange where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly OrderedDictionary<string, T[]> _arrays;
    private readonly HashSet<string> _known = [];

    private StateExchange(Purpose purpose, OptimizerState<T> state) : base(purpose, state.Numbers) => _arrays = new(state.Arrays);

    /// <summary>A parameter's part of a buffer to restore: as many values as the parameter has; null until it is needed first.</summary>
    /// <param name="name">The buffer's name.</param>
    /// <param name="current">What it is.</param>
    /// <param name="parameter">The parameter it belongs to.</param>
    /// <returns>What it shall be: a copy of the state's when one is restored, else <paramref name="current"/>.</returns>
    public T[]? Array(string name, T[]? current, Parameter<T> parameter)
    {
        // Among the numbers a 1 says that the array is there: so one that is missing is noticed.
        var exists = Value(name, current is null ? null : 1) is not null;
        if (Now == Purpose.Check) exists = Numbers.ContainsKey(Prefix + name);
        if (!exists) return Now == Purpose.Check ? current : null;

        var key = Prefix + name;
        if (Now == Purpose.Restore) return [.. _arrays[key]];
        if (Now == Purpose.Read) _arrays.Add(key, [.. current!]);
        else CheckArray(key, parameter);
        return current;
    }

    internal static OptimizerState<T> Read(Action<StateExchange<T>> exchange)
    {
        var read = new StateExchange<T>(Purpose.Read, new(new Dictionary<string, double>(), new Dictionary<string, T[]>()));
        exchange(read);
        return new(read.Numbers, read._arrays);
    }

    internal static void Restore(string owner, OptimizerState<T> state, Action<StateExchange<T>> exchange, string parameter)
    {
        ArgumentNullException.ThrowIfNull(state, parameter);
        Restore(owner, exchange, new(Purpose.Check, state), new(Purpose.Restore, state), undo: new(Purpose.Restore, Read(exchange)), parameter);
    }

    private protected override void AddUnknown()
    {
        base.AddUnknown();
        AddUnknown(_arrays.Keys, _known);
    }

    private void CheckArray(string key, Parameter<T> parameter)
    {
        _known.Add(key);
        if (!_arrays.TryGetValue(key, out var given) || given is null) AddProblem($"{key} is missing");
        else if (given.Length != parameter.Count) AddProblem($"{key} has {given.Length} values, but {parameter} has {parameter.Count}");
    }
}
