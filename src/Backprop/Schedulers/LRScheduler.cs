using System.Diagnostics.CodeAnalysis;
namespace Backprop;

/// <summary>Changes the learning rates of an optimizer's groups from epoch to epoch.</summary>
/// <remarks>
/// <para>Call <see cref="Step"/> once an epoch, after the optimizer's steps (<see cref="OneCycleLR"/>: once a batch, after the optimizer's step).</para>
/// <para>As in PyTorch, each new rate is made from the group's present one. So several schedulers may work on one optimizer, and a rate that
/// was set by hand in between is kept. CHAIN-RULE.md, "Learning rate schedulers", has the closed forms.</para>
/// <para>To write a scheduler, subclass this and write <see cref="Next(int, double, double)"/>. One that ends says so in <see cref="RemainingSteps"/>, and one that watches a metric in
/// <see cref="NeedsMetric"/>: then a step that must be refused can be refused before the optimizer's step.</para>
/// </remarks>
/// <threadsafety>One thread at a time, and not while the optimizer steps.</threadsafety>
[DynamicallyAccessedMembers(Settings.Fields)]
public abstract class LRScheduler : IDescribed
{
    private readonly double[] _initial, _next;
    private bool _isStepping;

    /// <summary>Takes the optimizer whose groups are to be scheduled. Groups that are added to it later are not.</summary>
    /// <param name="optimizer">The optimizer.</param>
    /// <exception cref="ArgumentNullException"><paramref name="optimizer"/> is null.</exception>
    protected LRScheduler(Optimizer optimizer)
    {
        ArgumentNullException.ThrowIfNull(optimizer);
        Optimizer = optimizer;
        optimizer.TakeDownUnscheduled();
        Groups = [.. optimizer.Groups];
        // The first scheduler keeps the rates it finds, for those after it too.
        _initial = [.. Groups.Select(group => group.InitialLearningRate ?? group.LearningRate)];
        _next = new double[_initial.Length];
        Start();
        for (var i = 0; i < _initial.Length; i++) Groups[i].InitialLearningRate ??= _initial[i];
    }

    /// <summary>The optimizer whose groups are scheduled.</summary>
    public Optimizer Optimizer { get; }

    /// <summary>How many epochs are over: how often <see cref="Step"/> was called.</summary>
    public int Epoch { get; private set; }

    /// <summary>The scheduled groups.</summary>
    protected IReadOnlyList<ParameterGroup> Groups { get; }

    /// <summary>How often <see cref="Step"/> may still be called; null where there is no end.</summary>
    public virtual long? RemainingSteps => null;

    /// <summary>Whether <see cref="Step"/> wants a metric.</summary>
    public virtual bool NeedsMetric => false;

    /// <summary>Throws what <see cref="Step"/> would throw, and changes nothing: to be asked before a step of the optimizer that could not be taken back.</summary>
    /// <param name="metric">What <see cref="Step"/> would be given.</param>
    /// <exception cref="ArgumentNullException">The scheduler wants a metric, and there is none.</exception>
    /// <exception cref="InvalidOperationException">The scheduler's steps are over.</exception>
    public void CheckStep(double? metric = null)
    {
        if (NeedsMetric && metric is null) throw new ArgumentNullException(nameof(metric), $"{this} expects a metric to watch, but there is none.");
        if (RemainingSteps <= 0) throw new InvalidOperationException($"{this} has {Epoch} steps, and they are over.");
    }

    /// <summary>Ends an epoch: sets the learning rates of the next one.</summary>
    /// <param name="metric">What <see cref="ReduceLROnPlateau"/> watches, as a validation loss; the other schedulers need none.</param>
    /// <exception cref="ArgumentNullException">The scheduler wants a metric, and there is none. Nothing is changed.</exception>
    /// <exception cref="InvalidOperationException">The scheduler's steps are over. Nothing is changed.</exception>
    public void Step(double? metric = null)
    {
        CheckStep(metric);
        if (_isStepping) throw new InvalidOperationException($"{this} is in a step already, and cannot take another.");
        _isStepping = true;
        try
        {
            Set(Epoch + 1, metric);
            Epoch++;
        }
        finally
        {
            _isStepping = false;
        }
    }

    /// <summary>Begins anew with epoch 0: what a scheduler made of schedulers does with each when its turn comes, as <see cref="SequentialLR"/>.</summary>
    /// <param name="fromInitialRates">Whether the groups get their initial rates first; else the present ones are those to begin from.</param>
    public void Restart(bool fromInitialRates = true)
    {
        for (var i = 0; fromInitialRates && i < _initial.Length; i++) Groups[i].LearningRate = _initial[i];
        Epoch = 0;
        Start();
    }

    /// <summary>A copy of everything the scheduler must keep to go on later as if it had never stopped: numbers, each with a name.</summary>
    /// <remarks>The learning rates are in the optimizer's state; keep and restore both.</remarks>
    public IReadOnlyDictionary<string, double> GetState() => StateExchange.Read(Exchange);

    /// <summary>Goes on from a state that <see cref="GetState"/> gave, here or in a scheduler made alike.</summary>
    /// <param name="state">The state.</param>
    /// <exception cref="ArgumentNullException"><paramref name="state"/> is null.</exception>
    /// <exception cref="ArgumentException">The state is of another kind of scheduler, or of one with other settings; the message names all
    /// that does not fit. The scheduler is left as it was.</exception>
    public void SetState(IReadOnlyDictionary<string, double> state) => StateExchange.Restore(ToString(), state, Exchange, nameof(state));

    /// <summary>The scheduler's name, as in <c>StepLR</c>.</summary>
    public override string ToString() => GetType().Name;

    /// <summary>Says what the scheduler was made with: what must be the same to go on from a checkpoint. By default, what <see cref="Exchange"/> says stays the same
    /// or, where that is nothing, all fields that never change; see <see cref="Settings"/>.</summary>
    /// <param name="settings">Takes names and values.</param>
    protected virtual void Describe(Settings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        var fixedNumbers = StateExchange.ReadFixed(Exchange);
        foreach (var (name, value) in fixedNumbers) settings.Add(name, value);
        if (fixedNumbers.Count == 0) settings.AddFields(this, typeof(LRScheduler));
    }

    void IDescribed.Describe(Settings settings) => Describe(settings);

    internal void ExchangeWith(StateExchange state) => Exchange(state);

    /// <summary>For schedulers made of schedulers: refuses parts that are of another optimizer, have taken steps, or are there twice.</summary>
    /// <param name="owner">Who expects it, for the message.</param>
    /// <param name="optimizer">The optimizer.</param>
    /// <param name="schedulers">The parts.</param>
    /// <exception cref="ArgumentNullException">The list, or a scheduler, is null.</exception>
    /// <exception cref="ArgumentException">There is no scheduler, or one does not fit.</exception>
    protected static void RequireFresh(string owner, Optimizer optimizer, IReadOnlyList<LRScheduler> schedulers)
    {
        ArgumentNullException.ThrowIfNull(schedulers);
        if (schedulers.Count == 0) throw new ArgumentException($"{owner} expects at least one scheduler, but there is none.", nameof(schedulers));
        for (var i = 0; i < schedulers.Count; i++)
        {
            var scheduler = Expect.NotNull(schedulers[i], nameof(schedulers));
            if (!ReferenceEquals(scheduler.Optimizer, optimizer)) throw new ArgumentException($"{owner} expects schedulers of one optimizer, but this {scheduler} moves the learning rates of another {scheduler.Optimizer}.", nameof(schedulers));
            if (scheduler.Epoch > 0) throw new ArgumentException($"{owner} expects schedulers that have taken no step, but this {scheduler} has taken {scheduler.Epoch}.", nameof(schedulers));
            for (var j = 0; j < i; j++)
                if (ReferenceEquals(scheduler, schedulers[j])) throw new ArgumentException($"{owner} expects different schedulers, but this {scheduler} is there twice.", nameof(schedulers));
        }
    }

    /// <summary>The learning rate of a group in an epoch; by default, unchanged.</summary>
    /// <param name="epoch">The epoch; 0 only where <see cref="Start"/> asks for it.</param>
    /// <param name="rate">The group's rate in the epoch before.</param>
    /// <param name="initial">The group's rate before any scheduler changed it.</param>
    protected virtual double Next(int epoch, double rate, double initial) => rate;

    /// <summary>The same, for schedulers that treat groups differently; by default, <see cref="Next(int, double, double)"/>.</summary>
    /// <param name="epoch">The epoch; 0 only where <see cref="Start"/> asks for it.</param>
    /// <param name="group">The group's number.</param>
    /// <param name="rate">The group's rate in the epoch before.</param>
    /// <param name="initial">The group's rate before any scheduler changed it.</param>
    protected virtual double Next(int epoch, int group, double rate, double initial) => Next(epoch, rate, initial);

    /// <summary>Sets the groups for an epoch; by default, each one's learning rate to <see cref="Next(int, double, double)"/>.</summary>
    /// <param name="epoch">The epoch; 0 only where <see cref="Start"/> asks for it.</param>
    /// <param name="metric">The metric that <see cref="Step"/> was given.</param>
    /// <exception cref="ArgumentOutOfRangeException">A rate is negative or not finite. Nothing is changed.</exception>
    protected virtual void Set(int epoch, double? metric)
    {
        // All rates first: one that is none is refused before any group has changed.
        for (var i = 0; i < _next.Length; i++)
        {
            _next[i] = Next(epoch, i, Groups[i].LearningRate, _initial[i]);
            if (!(_next[i] >= 0 && double.IsFinite(_next[i]))) Expect.AtLeastZero(ToString(), _next[i], "learningRate");
        }

        for (var i = 0; i < _next.Length; i++) Groups[i].LearningRate = _next[i];
    }

    /// <summary>
    /// Sets the groups for epoch 0; by default, leaves them as they are. The base constructor calls this: of a subclass's fields, those with an
    /// initializer are set by then. <see cref="Restart"/> calls it again: what is counted over epochs begins anew here.
    /// </summary>
    protected virtual void Start() { }

    /// <summary>
    /// Names everything that must be kept to go on later, in a fixed order. Called to read the state as well as to check and restore it:
    /// <c>_best = state.Value("best", _best);</c>
    /// </summary>
    /// <param name="state">Takes each value, and gives back the one to go on with.</param>
    protected virtual void Exchange(StateExchange state)
    {
        ArgumentNullException.ThrowIfNull(state);
        Epoch = state.Count("last_epoch", Epoch);
        for (var i = 0; i < _initial.Length; i++) _initial[i] = Expect.AtLeastZero(ToString(), state.Value($"base_lrs.{i}", _initial[i]), $"base_lrs.{i}");
    }
}
