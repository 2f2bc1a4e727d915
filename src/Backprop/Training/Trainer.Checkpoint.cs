using System.Globalization;
using System.Numerics;
using System.Runtime.InteropServices;

namespace Backprop;

/// <content>Everything that the rest of a training depends on, in one file.</content>
public sealed partial class Trainer<T>
{
    private const string Format = "backprop checkpoint 1";
    private readonly Dictionary<string, double> _hyperparameters;   // as they were in the beginning, before schedulers moved them

    /// <summary>Saves all that the rest of the training depends on: model, optimizer, schedulers, generators, position and history.</summary>
    /// <remarks>May be called whenever <see cref="Fit"/> does not run a step: before, after, after a cancellation, and from what is told of progress.</remarks>
    /// <param name="path">The file, a safetensors file; replaced as a whole or not at all.</param>
    /// <exception cref="ArgumentNullException"><paramref name="path"/> is null.</exception>
    /// <exception cref="IOException">The file could not be written; what was there before still is.</exception>
    /// <exception cref="UnauthorizedAccessException">The directory may not be written.</exception>
    public void SaveCheckpoint(string path)
    {
        var file = new SafeTensorsWriter();
        file.AddMetadata("format", Format);
        foreach (var (name, value) in Settings()) file.AddMetadata(name, value);
        ModelState<T>.Of(Model).AddTo(file, "model.");
        _bestState?.AddTo(file, "best.");
        var optimizer = Optimizer.GetState();
        Add(file, "optimizer.number.", optimizer.Numbers);
        foreach (var (name, values) in optimizer.Arrays) file.Add($"optimizer.array.{name}", [values.Length], values);
        if (Scheduler is not null) Add(file, "scheduler.", Scheduler.GetState());
        if (BatchScheduler is not null) Add(file, "batch_scheduler.", BatchScheduler.GetState());
        foreach (var (i, generator) in Generators().Index()) Add(file, $"generator.{i}", MemoryMarshal.Cast<byte, long>(generator.GetState()).ToArray());
        Add<long>(file, "position", [Epoch, Batch]);
        Add(file, "loss_sum", [_lossSum]);
        Add(file, "order", Array.ConvertAll(Training.Order.ToArray(), row => (long)row));
        Add(file, "history.learning_rate", [.. _epochs.Select(epoch => epoch.LearningRate)]);
        Add(file, "history.training_loss", [.. _epochs.Select(epoch => epoch.TrainingLoss)]);
        if (Validation is not null) Add(file, "history.validation_loss", [.. _epochs.Select(epoch => epoch.ValidationLoss!.Value)]);
        foreach (var metric in MeasuredMetrics) Add(file, $"history.metric.{metric}", [.. _epochs.Select(epoch => epoch.Metrics[metric])]);
        file.Save(path);
    }

    /// <summary>Goes on from a checkpoint. Nothing changes unless all of it fits.</summary>
    /// <remarks>Learning rates and momenta go on from where they were; to go on with others, set them in the optimizer afterwards.</remarks>
    /// <param name="path">A file that <see cref="SaveCheckpoint"/> wrote, for a trainer built as this one.</param>
    /// <exception cref="ArgumentNullException"><paramref name="path"/> is null.</exception>
    /// <exception cref="InvalidDataException">The file is not valid, is no checkpoint, or is one of another model, other samples or other settings; the message says which.</exception>
    /// <exception cref="IOException">The file could not be read.</exception>
    public void LoadCheckpoint(string path)
    {
        using var file = SafeTensorsReader.Open(path);
        CheckSettings(file, path);
        var model = ReadModel(file, path, "model.");
        var best = file.Entries.Any(entry => entry.Name.StartsWith("best.", StringComparison.Ordinal)) ? ReadModel(file, path, "best.") : null;
        var arrays = Names(file, "optimizer.array.").ToDictionary(name => name, name => Values<T>(file, path, $"optimizer.array.{name}"));
        var optimizer = new OptimizerState<T>(Numbers(file, path, "optimizer.number."), arrays);
        var (scheduler, batchScheduler) = (Numbers(file, path, "scheduler."), Numbers(file, path, "batch_scheduler."));
        var generators = Generators().ToArray();
        var states = generators.Select((_, i) => MemoryMarshal.AsBytes<long>(Values<long>(file, path, $"generator.{i}")).ToArray()).ToArray();
        var position = Values<long>(file, path, "position", 2);
        var lossSum = Values<double>(file, path, "loss_sum", 1)[0];
        var order = Values<long>(file, path, "order", Training.Samples.Count);
        if (position[0] is < 0 or > int.MaxValue || position[1] < 0 || position[1] > Training.Count || !order.Order().SequenceEqual(Enumerable.Range(0, order.Length).Select(row => (long)row)))
            throw new InvalidDataException($"{path} is damaged: no training can be where it says.");
        var epochs = ReadHistory(file, path, (int)position[0]);

        // All is read. What the parts refuse now is taken back.
        var undo = new Stack<Action>();
        try
        {
            Apply(Optimizer.GetState(), optimizer, Optimizer.SetState);
            if (Scheduler is not null) Apply(Scheduler.GetState(), scheduler, Scheduler.SetState);
            if (BatchScheduler is not null) Apply(BatchScheduler.GetState(), batchScheduler, BatchScheduler.SetState);
            foreach (var (generator, after) in generators.Zip(states)) Apply(generator.GetState(), after, state => generator.SetState(state));
        }
        catch (ArgumentException exception)
        {
            while (undo.TryPop(out var step)) step();
            throw new InvalidDataException($"{path} does not fit: {exception.Message}", exception);
        }

        model.CopyTo(ModelState<T>.Of(Model));
        Training.SetOrder(Array.ConvertAll(order, row => (int)row));
        _epochs.Clear();
        _epochs.AddRange(epochs);
        (Batch, _lossSum, _bestState) = ((int)position[1], lossSum, best);
        _best = epochs.Aggregate(default(EpochResult), (soFar, epoch) => EarlyStopping?.IsBetter(epoch, soFar) ?? false ? epoch : soFar);

        void Apply<TState>(TState before, TState after, Action<TState> set)
        {
            set(after);
            undo.Push(() => set(before));
        }
    }

    private IEnumerable<Generator> Generators() => (Training.Generator is { } first ? Model.Generators.Prepend(first) : Model.Generators).Distinct();

    private IEnumerable<string> MeasuredMetrics => Validation is null ? [] : Metrics.Select(metric => metric.Name);

    /// <summary>What must be the same when the training is resumed. States of optimizer and schedulers look after what else they need.</summary>
    private Dictionary<string, string> Settings()
    {
        var settings = new Dictionary<string, string>
        {
            ["precision"] = typeof(T) == typeof(float) ? "float" : "double",
            ["model"] = $"{Model}",
            ["loss"] = $"{Loss}",
            ["training samples"] = Training.Samples.Fingerprint,
            ["validation samples"] = Validation?.Fingerprint ?? "none",
            ["batch size"] = Text(Training.BatchSize),
            ["last batch"] = Training.DropLast ? "dropped" : "kept",
            ["metrics"] = string.Join(", ", MeasuredMetrics),
            ["scheduler"] = Scheduler?.ToString() ?? "none",
            ["batch scheduler"] = BatchScheduler?.ToString() ?? "none",
            ["gradient norm"] = MaxGradientNorm is double norm ? Text(norm) : "any",
            ["early stopping"] = EarlyStopping?.ToString() ?? "none",
            ["generators"] = Text(Generators().Count()),
            ["shuffled"] = Training.Generator is null ? "no" : "yes",
            ["optimizer"] = $"{Optimizer}",
        };
        foreach (var (name, value) in _hyperparameters) settings[$"optimizer {name}"] = Text(value);
        return settings;
    }

    private void CheckSettings(SafeTensorsReader file, string path)
    {
        if (file.Metadata.GetValueOrDefault("format") != Format) throw new InvalidDataException($"{path} is no checkpoint.");
        var (there, here) = (file.Metadata, Settings());
        var problems = here.Keys.Union(there.Keys).Where(name => name != "format" && there.GetValueOrDefault(name) != here.GetValueOrDefault(name))
            .Select(name => $"{name}: {there.GetValueOrDefault(name, "nothing")} there, {here.GetValueOrDefault(name, "nothing")} here").ToList();
        if (problems.Count > 0) throw new InvalidDataException($"{path} is a checkpoint of a training with other settings:\n  {string.Join("\n  ", problems)}");
    }

    /// <summary>What an optimizer was made with, as opposed to what it has learned since.</summary>
    private static Dictionary<string, double> Hyperparameters(OptimizerState<T> state)
    {
        var learned = state.Arrays.Keys.Select(Last).Concat(["step", "initial_lr"]).ToHashSet();
        return state.Numbers.Where(number => !learned.Contains(Last(number.Key))).ToDictionary();

        static string Last(string name) => name[(name.LastIndexOf('.') + 1)..];
    }

    private ModelState<T> ReadModel(SafeTensorsReader file, string path, string prefix)
    {
        var state = ModelState<T>.Of(Model).Copy();
        state.Check(file, prefix, $"{path} does not fit {Model}");
        state.Read(file, prefix);
        return state;
    }

    private EpochResult[] ReadHistory(SafeTensorsReader file, string path, int count)
    {
        var (rates, training) = (Values<double>(file, path, "history.learning_rate", count), Values<double>(file, path, "history.training_loss", count));
        var validation = Validation is null ? null : Values<double>(file, path, "history.validation_loss", count);
        var metrics = MeasuredMetrics.ToDictionary(name => name, name => Values<double>(file, path, $"history.metric.{name}", count));
        return [.. Enumerable.Range(0, count).Select(i => new EpochResult(i + 1, rates[i], training[i], validation?[i], metrics.ToDictionary(metric => metric.Key, metric => metric.Value[i])))];
    }

    private static void Add<TValue>(SafeTensorsWriter file, string name, TValue[] values) where TValue : unmanaged, INumber<TValue> => file.Add(name, [values.Length], values);

    private static void Add(SafeTensorsWriter file, string prefix, IReadOnlyDictionary<string, double> numbers)
    {
        foreach (var (name, value) in numbers) Add(file, prefix + name, [value]);
    }

    private static Dictionary<string, double> Numbers(SafeTensorsReader file, string path, string prefix) =>
        Names(file, prefix).ToDictionary(name => name, name => Values<double>(file, path, prefix + name, 1)[0]);

    private static IEnumerable<string> Names(SafeTensorsReader file, string prefix) =>
        file.Entries.Where(entry => entry.Name.StartsWith(prefix, StringComparison.Ordinal)).Select(entry => entry.Name[prefix.Length..]);

    private static TValue[] Values<TValue>(SafeTensorsReader file, string path, string name, int? count = null) where TValue : unmanaged, INumber<TValue>
    {
        if (!file.TryGetEntry(name, out var entry) || entry.Type != SafeTensorsTypes.Of<TValue>() || entry.Count > Array.MaxLength || (count is not null && entry.Count != count))
            throw new InvalidDataException($"{path} is damaged: {name} {(entry is null ? "is missing" : $"cannot be {entry}")}.");
        var values = new TValue[entry.Count];
        file.Read(name, values.AsSpan());
        return values;
    }

    private static string Text(IFormattable value) => value.ToString(null, CultureInfo.InvariantCulture);
}
