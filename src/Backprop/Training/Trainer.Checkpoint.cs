using System.Globalization;
using System.Numerics;
using System.Runtime.InteropServices;

namespace Backprop;

/// <content>Everything that the rest of a training depends on, in one file.</content>
public sealed partial class Trainer<T>
{
    private const string FormatKey = "format", FormatName = "backprop checkpoint ", Format = FormatName + "2", Digest = "sha256", SourcePrefix = "training.";

    /// <summary>Saves all that the rest of the training depends on: model, optimizer, schedulers, generators, position and history.</summary>
    /// <remarks>
    /// <para>May be called whenever <see cref="Fit"/> does not run a step: before, after, after a cancellation, and from a callback.</para>
    /// <para>Where ranks share the training, each calls it: the first writes, and the others wait for it. What cannot be written there is thrown on every rank.</para>
    /// <para>The file is a safetensors file. Its last tensor is the SHA-256 of all bytes before it, so that a damaged file is found out.</para>
    /// </remarks>
    /// <param name="path">The file; replaced as a whole or not at all.</param>
    /// <exception cref="ArgumentNullException"><paramref name="path"/> is null.</exception>
    /// <exception cref="IOException">The file could not be written; what was there before still is.</exception>
    /// <exception cref="UnauthorizedAccessException">The directory may not be written.</exception>
    /// <exception cref="InvalidOperationException">The training is in the middle of an epoch of samples that come once; or a rank is not the same as the others, and nothing is written.</exception>
    public void SaveCheckpoint(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        const string Saving = "saving a checkpoint";
        RequireSameRanks(Saving);
        Exchange.OnFirst(Saving, () => CheckpointFile().Save(path));
    }

    /// <summary>Saves all that the rest of the training depends on to a stream.</summary>
    /// <param name="stream">Where to, from its position on; it need not be able to seek, and stays open.</param>
    /// <exception cref="ArgumentNullException"><paramref name="stream"/> is null.</exception>
    /// <exception cref="IOException">The stream could not be written.</exception>
    /// <exception cref="InvalidOperationException">The training is in the middle of an epoch of samples that come once.</exception>
    public void SaveCheckpoint(Stream stream) => CheckpointFile().Write(stream);

    /// <summary>Goes on from a checkpoint. Nothing changes unless all of it fits.</summary>
    /// <remarks>
    /// <para>The trainer is built as the one that saved the file: the order in which optimizer, schedulers and trainer are made does not matter. Settings are compared by
    /// value; see <see cref="Settings"/> for those of layers and losses of your own.</para>
    /// <para>Learning rates and momenta go on from where they were; to go on with others, set them in the optimizer afterwards.</para>
    /// </remarks>
    /// <param name="path">A file that <see cref="SaveCheckpoint(string)"/> wrote.</param>
    /// <param name="allow">What may be different here; see there for what becomes of it.</param>
    /// <returns>What is different, of all that may be.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="path"/> is null.</exception>
    /// <exception cref="InvalidDataException">The file is not valid, is damaged, is no checkpoint, or is one of another model, other samples or other settings; the message
    /// says which, and what would allow it.</exception>
    /// <exception cref="IOException">The file could not be read.</exception>
    public ResumeChanges LoadCheckpoint(string path, ResumeChanges allow = ResumeChanges.None)
    {
        RequireIdle(nameof(LoadCheckpoint));
        using var file = SafeTensorsReader.Open(path);
        return Resume(file, path, allow);
    }

    /// <summary>Goes on from a checkpoint that a stream holds. Nothing changes unless all of it fits.</summary>
    /// <param name="stream">What <see cref="SaveCheckpoint(Stream)"/> wrote, from the stream's position to its end; it need not be able to seek, and stays open.</param>
    /// <param name="allow">What may be different here; see there for what becomes of it.</param>
    /// <returns>What is different, of all that may be.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="stream"/> is null.</exception>
    /// <exception cref="InvalidDataException">It is not valid, is damaged, is no checkpoint, or is one of another model, other samples or other settings.</exception>
    /// <exception cref="IOException">The stream could not be read.</exception>
    public ResumeChanges LoadCheckpoint(Stream stream, ResumeChanges allow = ResumeChanges.None)
    {
        using var file = SafeTensorsReader.Open(stream, leaveOpen: true);
        return Resume(file, file.Source, allow);
    }

    private SafeTensorsWriter CheckpointFile()
    {
        var file = new SafeTensorsWriter();
        file.AddMetadata(FormatKey, Format);
        foreach (var (name, value) in AllSettings()) file.AddMetadata(name, value);
        ModelState<T>.Of(Model).AddTo(file, "model.");
        _bestState?.AddTo(file, "best.");
        _lastState?.AddTo(file, "last.");
        var optimizer = Optimizer.GetState();
        Add(file, "optimizer.number.", optimizer.Numbers);
        foreach (var (name, values) in optimizer.Arrays) file.Add($"optimizer.array.{name}", [values.Length], values);
        if (Scheduler is not null) Add(file, "scheduler.", Scheduler.GetState());
        if (BatchScheduler is not null) Add(file, "batch_scheduler.", BatchScheduler.GetState());
        foreach (var (i, generator) in Generators().Index()) Add(file, $"generator.{Text(i)}", MemoryMarshal.Cast<byte, long>(generator.GetState()).ToArray());
        Add<long>(file, "position", [Epoch, Batch, _isDrawn ? 1 : 0]);
        Add<long>(file, "best_epoch", [_best?.Epoch ?? 0]);
        Add(file, "frozen", Frozen());
        if (_isAccumulating)
        {
            Add(file, "accumulated", [_accumulated, .. _lossBefore]);
            if (_terms.Length > 1) Add(file, "accumulated.terms", [.. _terms.Select(term => term.Divisor)]);
            foreach (var (i, parameter) in Optimizer.Parameters.Index()) file.Add($"gradient.{Text(i)}", [parameter.Count], parameter.Gradients.ToArray());
        }

        Add(file, "loss", _loss.State.ToArray());
        foreach (var (name, values) in Training.GetState(Batch) ?? throw new InvalidOperationException("Trainer expects a state of its training samples, but their source gives null.")) Add(file, SourcePrefix + name, values);
        AddHistory(file);
        file.AddDigest(Digest);
        return file;
    }

    private ResumeChanges Resume(SafeTensorsReader file, string source, ResumeChanges allow)
    {
        RequireIdle(nameof(LoadCheckpoint));
        RequireWhole(file, source);
        var there = file.Metadata;
        var changes = CheckSettings(there, source, allow);
        var model = ReadModel(file, source, "model.");
        var (best, last) = (ReadModelIfThere("best."), ReadModelIfThere("last."));
        var arrays = Names(file, "optimizer.array.").ToDictionary(name => name, name => Values<T>(file, source, $"optimizer.array.{name}"));
        var optimizer = WithChanges(new(Numbers(file, source, "optimizer.number."), arrays), there, changes);
        var (scheduler, batchScheduler) = (WithRates(Numbers(file, source, "scheduler."), there), WithRates(Numbers(file, source, "batch_scheduler."), there));
        var generators = Generators().ToArray();
        var states = generators.Select((_, i) => MemoryMarshal.AsBytes<long>(Values<long>(file, source, $"generator.{Text(i)}")).ToArray()).ToArray();
        var position = Values<long>(file, source, "position", 3);
        var bestEpoch = Values<long>(file, source, "best_epoch", 1)[0];
        var loss = Values<double>(file, source, "loss", _loss.State.Length);
        // Files of 0.2 know nothing of it.
        var frozen = file.TryGetEntry("frozen", out _) ? Values<long>(file, source, "frozen", Frozen().Length) : Frozen();
        // Other batches: what is over of the running epoch cannot be found among them, so it begins again.
        var beginsAgain = (changes & (ResumeChanges.BatchSize | ResumeChanges.Samples)) != 0;
        var state = Names(file, SourcePrefix).ToDictionary(name => name, name => Values<long>(file, source, SourcePrefix + name));
        if (state.Count == 0 && file.TryGetEntry("order", out _)) state = new() { ["order"] = Values<long>(file, source, "order") };    // as files of 0.2 may have it
        if (position[0] is < 0 or > int.MaxValue || position[1] < 0 || position[1] > (beginsAgain ? long.MaxValue : Training.Count ?? int.MaxValue) || position[2] is < 0 or > 1 || bestEpoch < 0 || bestEpoch > position[0])
            throw new InvalidDataException($"{source} is damaged: no training can be where it says.");
        var isAccumulating = !beginsAgain && file.TryGetEntry("accumulated", out _);
        var accumulated = isAccumulating ? Values<double>(file, source, "accumulated", 1 + _lossBefore.Length) : new double[1 + _lossBefore.Length];
        var gradients = isAccumulating ? Optimizer.Parameters.Select((parameter, i) => Values<T>(file, source, $"gradient.{Text(i)}", parameter.Count)).ToArray() : [];
        var terms = isAccumulating && _terms.Length > 1 ? Values<double>(file, source, "accumulated.terms", _terms.Length) : [];
        var epochs = ReadHistory(file, source, (int)position[0]);

        // All is read. What the parts refuse now is taken back.
        var undo = new Stack<Action>();
        try
        {
            Apply(Optimizer.GetState(), optimizer, Optimizer.SetState);
            if (Scheduler is not null && !IsOther(Scheduler, "scheduler", there)) Apply(Scheduler.GetState(), scheduler, Scheduler.SetState);
            if (BatchScheduler is not null && !IsOther(BatchScheduler, "batch scheduler", there)) Apply(BatchScheduler.GetState(), batchScheduler, BatchScheduler.SetState);
            foreach (var (generator, after) in generators.Zip(states)) Apply(generator.GetState(), after, state => generator.SetState(state));
            if (!beginsAgain) Training.SetState((int)position[1], state);
        }
        catch (ArgumentException exception)
        {
            while (undo.TryPop(out var step)) step();
            throw new InvalidDataException($"{source} does not fit: {exception.Message}", exception);
        }

        model.CopyTo(ModelState<T>.Of(Model));
        foreach (var ((_, parameter), isFrozen) in Model.NamedParameters().Zip(frozen)) parameter.Frozen = isFrozen != 0;
        foreach (var ((_, buffer), isFrozen) in Model.NamedBuffers().Zip(frozen.Skip(Model.NamedParameters().Count()))) buffer.Frozen = isFrozen != 0;
        _epochs.Clear();
        _epochs.AddRange(epochs);
        (Batch, _isDrawn) = beginsAgain ? (0, false) : ((int)position[1], position[2] == 1);
        if (beginsAgain) _loss.Clear();
        else loss.CopyTo(_loss.State);
        (_isAccumulating, _accumulated) = (isAccumulating, accumulated[0]);
        _buffers.Forget();
        for (var i = 0; i < terms.Length; i++) _terms[i] = new(0, terms[i]);
        accumulated.AsSpan(1).CopyTo(_lossBefore);
        foreach (var (parameter, values) in Optimizer.Parameters.Zip(gradients)) values.CopyTo(parameter.Gradients);
        (_owesRate, EndReason, _isCompared) = (false, null, false);
        // Epochs that were measured otherwise cannot be compared; and a best epoch whose weights are not known is of no use where they are wanted.
        var restores = EarlyStopping is { RestoreBest: true };
        var isKnown = bestEpoch > 0 && !changes.HasFlag(ResumeChanges.Validation) && (best is not null || !restores);
        (_best, _bestState, _lastState) = (isKnown ? epochs[bestEpoch - 1] : null, isKnown && restores ? best : null, isKnown && restores ? last : null);
        // The best weights, which were restored when the training ended, are of no use then either: it goes on from the last.
        if (_lastState is null) last?.CopyTo(ModelState<T>.Of(Model));
        return changes;

        ModelState<T>? ReadModelIfThere(string prefix) => file.Entries.Any(entry => entry.Name.StartsWith(prefix, StringComparison.Ordinal)) ? ReadModel(file, source, prefix) : null;

        void Apply<TState>(TState before, TState after, Action<TState> set)
        {
            set(after);
            undo.Push(() => set(before));
        }
    }

    /// <summary>Refuses what is no checkpoint, one of another version, and one with a single wrong bit.</summary>
    private static void RequireWhole(SafeTensorsReader file, string source)
    {
        var format = file.Metadata.GetValueOrDefault(FormatKey, "");
        if (!format.StartsWith(FormatName, StringComparison.Ordinal)) throw new InvalidDataException($"{source} is no checkpoint{(file.Metadata.ContainsKey(ModelFile.VersionKey) ? " but a model file, which model.Load reads" : "")}.");
        if (format != Format)
        {
            throw new InvalidDataException($"{source} is a {SafeTensorsHeader.Quote(format)}, and this version of Backprop reads a '{Format}': "
                + "it was written by an older version, before 0.2, or by a newer one.");
        }

        if (!file.HasValidDigest(Digest)) throw new InvalidDataException($"{source} is damaged: its SHA-256 is not the one that was written with it.");
    }

    /// <summary>An optimizer's state with those hyperparameters that are to be taken as they are here.</summary>
    private OptimizerState<T> WithChanges(OptimizerState<T> state, IReadOnlyDictionary<string, string> there, ResumeChanges changes)
    {
        var (numbers, here) = (state.Numbers.ToDictionary(), Optimizer.GetState().Numbers);
        foreach (var name in state.Hyperparameters().Keys.Union(_hyperparameters.Keys))
        {
            // Schedulers move rates and momenta: those of another scheduler are no place for this one to start from.
            var differs = there.GetValueOrDefault($"optimizer {name}") != (_hyperparameters.TryGetValue(name, out var made) ? Text(made) : null);
            if (changes.HasFlag(ResumeChanges.Schedulers) || (differs && !MovesRates)) Take(name);
            else if (differs && name.EndsWith(".lr", StringComparison.Ordinal) && RatioOf(name, there) is double ratio) Scale(name, ratio);
            else if (differs) Take(name);
        }

        return state with { Numbers = numbers };

        void Take(string name)
        {
            Set(name);
            if (name.EndsWith(".lr", StringComparison.Ordinal)) Set($"{name[..^"lr".Length]}initial_lr");
        }

        // A scheduler has moved the rate since: it goes on as if it had begun from the other one.
        void Scale(string name, double ratio)
        {
            numbers[name] *= ratio;
            var initial = $"{name[..^"lr".Length]}initial_lr";
            if (numbers.TryGetValue(initial, out var value)) numbers[initial] = value * ratio;
        }

        void Set(string name)
        {
            if (here.TryGetValue(name, out var value)) numbers[name] = value;
            else numbers.Remove(name);
        }
    }

    private bool MovesRates => Scheduler is not null || BatchScheduler is not null;

    /// <summary>How many times the rate that a group was made with here is that of there; null where that says nothing.</summary>
    private double? RatioOf(string name, IReadOnlyDictionary<string, string> there) =>
        double.TryParse(there.GetValueOrDefault($"optimizer {name}"), CultureInfo.InvariantCulture, out var before) && before > 0 && _hyperparameters.TryGetValue(name, out var made) ? made / before : null;

    /// <summary>A scheduler's state as if it had begun from the rates that the groups were made with here.</summary>
    private Dictionary<string, double> WithRates(Dictionary<string, double> scheduler, IReadOnlyDictionary<string, string> there)
    {
        var numbers = new Dictionary<string, double>(scheduler);
        foreach (var name in scheduler.Keys)
        {
            // base_lrs.1, also schedulers.0.base_lrs.1 of a part
            var at = name.LastIndexOf("base_lrs.", StringComparison.Ordinal);
            if (at >= 0 && RatioOf($"groups.{name[(at + "base_lrs.".Length)..]}.lr", there) is double ratio) numbers[name] *= ratio;
        }

        return numbers;
    }

    private IEnumerable<Generator> Generators() => (Training.Generator is { } first ? Model.Generators.Prepend(first) : Model.Generators).Distinct();

    /// <summary>What is frozen: 1 for each parameter and then each buffer that is.</summary>
    private long[] Frozen() => [.. Model.NamedParameters().Select(named => named.Parameter.Frozen ? 1L : 0), .. Model.NamedBuffers().Select(named => named.Buffer.Frozen ? 1L : 0)];

    private IEnumerable<string> MeasuredMetrics => Validation is null ? [] : Metrics.Select(metric => metric.Name);

    private ModelState<T> ReadModel(SafeTensorsReader file, string source, string prefix)
    {
        var state = ModelState<T>.Of(Model).Copy();
        var names = new TensorNames(file, prefix);
        state.Check(file, names, $"{source} does not fit {Model}");
        state.Read(file, names);
        return state;
    }

    /// <summary>What each epoch came to. Validation and metrics may have come and gone: they say which epochs they are of.</summary>
    private void AddHistory(SafeTensorsWriter file)
    {
        Add(file, "history.learning_rate", [.. _epochs.Select(epoch => epoch.LearningRate)]);
        Add(file, "history.training_loss", [.. _epochs.Select(epoch => epoch.TrainingLoss)]);
        AddSome("validation", _epochs.Where(epoch => epoch.ValidationLoss is not null), epoch => epoch.ValidationLoss!.Value);
        foreach (var metric in _epochs.SelectMany(epoch => epoch.Metrics.Keys).Distinct()) AddSome($"metric.{metric}", _epochs.Where(epoch => epoch.Metrics.ContainsKey(metric)), epoch => epoch.Metrics[metric]);
        foreach (var part in _epochs.SelectMany(epoch => epoch.TrainingParts.Keys).Distinct()) AddSome($"part.{part}", _epochs.Where(epoch => epoch.TrainingParts.ContainsKey(part)), epoch => epoch.TrainingParts[part]);

        void AddSome(string name, IEnumerable<EpochResult> epochs, Func<EpochResult, double> value)
        {
            Add(file, $"history.epochs.{name}", [.. epochs.Select(epoch => (long)epoch.Epoch)]);
            Add(file, $"history.values.{name}", [.. epochs.Select(value)]);
        }
    }

    private EpochResult[] ReadHistory(SafeTensorsReader file, string source, int count)
    {
        var (rates, training) = (Values<double>(file, source, "history.learning_rate", count), Values<double>(file, source, "history.training_loss", count));
        var validation = ReadSome("validation");
        // Metrics in the order that they have here.
        var names = Names(file, "history.values.metric.").ToArray();
        var metrics = MeasuredMetrics.Intersect(names).Union(names).Select(name => (Name: name, Values: ReadSome($"metric.{name}"))).ToArray();
        var parts = Names(file, "history.values.part.").Select(name => (Name: name, Values: ReadSome($"part.{name}"))).ToArray();
        return [.. Enumerable.Range(1, count).Select(epoch => new EpochResult(epoch, rates[epoch - 1], training[epoch - 1], validation.TryGetValue(epoch, out var loss) ? loss : null, Of(metrics, epoch))
        {
            TrainingParts = Of(parts, epoch),
        })];

        static Dictionary<string, double> Of((string Name, Dictionary<long, double> Values)[] series, int epoch) =>
            series.Where(one => one.Values.ContainsKey(epoch)).ToDictionary(one => one.Name, one => one.Values[epoch]);

        Dictionary<long, double> ReadSome(string name)
        {
            var epochs = Values<long>(file, source, $"history.epochs.{name}");
            var values = Values<double>(file, source, $"history.values.{name}", epochs.Length);
            if (epochs.Distinct().Count() != epochs.Length || epochs.Any(epoch => epoch < 1 || epoch > count)) throw new InvalidDataException($"{source} is damaged: history.epochs.{name} names epochs that were not.");
            return epochs.Zip(values).ToDictionary(pair => pair.First, pair => pair.Second);
        }
    }

    private static void Add<TValue>(SafeTensorsWriter file, string name, TValue[] values) where TValue : unmanaged, INumber<TValue> => file.Add(name, [values.Length], values);

    private static void Add(SafeTensorsWriter file, string prefix, IReadOnlyDictionary<string, double> numbers)
    {
        foreach (var (name, value) in numbers) Add(file, prefix + name, [value]);
    }

    private static Dictionary<string, double> Numbers(SafeTensorsReader file, string source, string prefix) =>
        Names(file, prefix).ToDictionary(name => name, name => Values<double>(file, source, prefix + name, 1)[0]);

    private static IEnumerable<string> Names(SafeTensorsReader file, string prefix) =>
        file.Entries.Where(entry => entry.Name.StartsWith(prefix, StringComparison.Ordinal)).Select(entry => entry.Name[prefix.Length..]);

    private static TValue[] Values<TValue>(SafeTensorsReader file, string source, string name, int? count = null) where TValue : unmanaged, INumber<TValue>
    {
        if (!file.TryGetEntry(name, out var entry) || entry.Type != SafeTensorsTypes.Of<TValue>() || entry.Count > Array.MaxLength || (count is not null && entry.Count != count))
            throw new InvalidDataException($"{source} is damaged: {name} {(entry is null ? "is missing" : $"cannot be {entry}")}.");
        var values = new TValue[entry.Count];
        file.Read(name, values.AsSpan());
        return values;
    }
}
