using System.Globalization;

namespace Backprop;

public sealed partial class Trainer<T>
{
    private const string Version = "1";

    /// <summary>Saves everything that the rest of the training depends on: model, optimizer, schedulers, generators, position and history.</summary>
    /// <param name="path">The file, a safetensors file; replaced as a whole or not at all.</param>
    /// <exception cref="IOException">The file could not be written; what was there before still is.</exception>
    public void SaveCheckpoint(string path)
    {
        var file = new SafeTensorsWriter();
        foreach (var (key, value) in Settings()) file.AddMetadata(key, value);
        ModelState.Add(file, "model.", Model);
        var optimizer = Optimizer.GetState();
        Add(file, "optimizer.number.", optimizer.Numbers);
        foreach (var (name, values) in optimizer.Arrays) file.Add($"optimizer.array.{name}", [values.Length], values);
        if (Scheduler is not null) Add(file, "scheduler.", Scheduler.GetState());
        if (BatchScheduler is not null) Add(file, "batch_scheduler.", BatchScheduler.GetState());
        foreach (var (i, generator) in AllGenerators().Index()) file.Add($"generator.{i}", [Words], Pack(generator.GetState()));
        file.Add("position", [3], new[] { Epoch, Batch, _lossSamples });
        file.Add("loss_sum", [1], new[] { _lossSum });
        file.Add("order", [Training.SampleCount], Training.Order.ToArray().Select(row => (long)row).ToArray());
        for (var i = 0; i < _best?.Length; i++) file.Add($"best.{i}", [_best[i].Length], _best[i]);
        foreach (var epoch in History.Epochs)
        {
            file.Add($"history.{epoch.Epoch}.result", [3], new[] { epoch.LearningRate, epoch.TrainingLoss, epoch.ValidationLoss ?? double.NaN });
            Add(file, $"history.{epoch.Epoch}.metric.", epoch.Metrics);
        }

        file.Save(path);
    }

    /// <summary>Goes on from a checkpoint. Nothing changes unless all of it fits.</summary>
    /// <param name="path">A file that <see cref="SaveCheckpoint"/> wrote, for a trainer built as this one.</param>
    /// <exception cref="InvalidDataException">The file is not valid, is no checkpoint, or is one of another model or of other settings; the message says which.</exception>
    /// <exception cref="IOException">The file could not be read.</exception>
    public void LoadCheckpoint(string path)
    {
        using var file = SafeTensorsReader.Open(path);
        CheckSettings(file);
        ModelState.Check(file, "model.", Model, strict: true, convert: false, $"The checkpoint does not fit {Model}");
        var arrays = Names(file, "optimizer.array.").ToDictionary(name => name, name => Array<T>(file, $"optimizer.array.{name}"));
        var optimizer = new OptimizerState<T>(Numbers(file, "optimizer.number."), arrays);
        var generators = AllGenerators().Index().Select(indexed => (indexed.Item, State: Unpack(Array<long>(file, $"generator.{indexed.Index}")))).ToArray();
        var position = Array<long>(file, "position", 3);
        var lossSum = Array<double>(file, "loss_sum", 1)[0];
        var order = Array<long>(file, "order", Training.SampleCount).Select(row => (int)row).ToArray();
        if (!order.Order().SequenceEqual(Enumerable.Range(0, order.Length)) || position[0] is < 0 or > int.MaxValue || position[1] < 0 || position[1] >= Training.Count || position[2] < 0)
            throw new InvalidDataException("The checkpoint's position is not one that a training can be at.");
        var best = file.TryGetEntry("best.0", out _) ? Model.Parameters.Select((parameter, i) => Array<T>(file, $"best.{i}", parameter.Count)).ToArray() : null;
        var history = new History([.. Enumerable.Range(1, (int)position[0]).Select(epoch => Result(file, epoch))]);

        // From here on everything is read; what the parts refuse is taken back.
        var saved = (Optimizer: Optimizer.GetState(), Scheduler: Scheduler?.GetState(), Batch: BatchScheduler?.GetState(), Generators: generators.Select(pair => pair.Item.GetState()).ToArray());
        try
        {
            Optimizer.SetState(optimizer);
            Scheduler?.SetState(Numbers(file, "scheduler."));
            BatchScheduler?.SetState(Numbers(file, "batch_scheduler."));
            foreach (var (generator, state) in generators) generator.SetState(state);
        }
        catch (ArgumentException exception)
        {
            Optimizer.SetState(saved.Optimizer);
            if (saved.Scheduler is not null) Scheduler!.SetState(saved.Scheduler);
            if (saved.Batch is not null) BatchScheduler!.SetState(saved.Batch);
            foreach (var (pair, state) in generators.Zip(saved.Generators)) pair.Item.SetState(state);
            throw new InvalidDataException($"The checkpoint does not fit: {exception.Message}", exception);
        }

        ModelState.Read(file, "model.", Model, convert: false);
        Training.SetOrder(order);
        (Epoch, Batch, _lossSamples, _lossSum, _best, History) = ((int)position[0], (int)position[1], position[2], lossSum, best, history);
    }

    private const int Words = 632; // 5056 bytes

    private IEnumerable<Generator> AllGenerators() => (Training.Generator is { } first ? Generators.Prepend(first) : Generators).Distinct();

    private IEnumerable<KeyValuePair<string, string>> Settings() =>
    [
        new("format", "backprop-checkpoint"),
        new("version", Version),
        new("model", $"{Model}"),
        new("loss", $"{Loss}"),
        new("optimizer", Optimizer.GetType().Name.Split('`')[0]),
        new("samples", Training.SampleCount.ToString(CultureInfo.InvariantCulture)),
        new("batch size", Training.BatchSize.ToString(CultureInfo.InvariantCulture)),
        new("drop last", Training.DropLast ? "yes" : "no"),
        new("scheduler", $"{Scheduler}"),
        new("batch scheduler", $"{BatchScheduler}"),
        new("generators", AllGenerators().Count().ToString(CultureInfo.InvariantCulture)),
        new("max gradient norm", MaxGradientNorm?.ToString("R", CultureInfo.InvariantCulture) ?? "none"),
        new("validation samples", $"{Validation?.Count ?? 0}"),
    ];

    private void CheckSettings(SafeTensorsReader file)
    {
        if (!file.Metadata.TryGetValue("format", out var format) || format != "backprop-checkpoint") throw new InvalidDataException("The file is not a checkpoint.");
        var problems = Settings().Where(setting => file.Metadata.GetValueOrDefault(setting.Key, "") != setting.Value)
            .Select(setting => $"{setting.Key}: the checkpoint has \"{file.Metadata.GetValueOrDefault(setting.Key, "")}\", this training \"{setting.Value}\"").ToArray();
        if (problems.Length > 0) throw new InvalidDataException($"The checkpoint is of a training with other settings:\n  {string.Join("\n  ", problems)}");
    }

    private static EpochResult Result(SafeTensorsReader file, int epoch)
    {
        var numbers = Array<double>(file, $"history.{epoch}.result", 3);
        return new EpochResult(epoch, numbers[0], numbers[1], double.IsNaN(numbers[2]) ? null : numbers[2], Numbers(file, $"history.{epoch}.metric."));
    }

    private static void Add(SafeTensorsWriter file, string prefix, IReadOnlyDictionary<string, double> numbers)
    {
        foreach (var (name, value) in numbers) file.Add(prefix + name, [], new[] { value });
    }

    private static Dictionary<string, double> Numbers(SafeTensorsReader file, string prefix) =>
        Names(file, prefix).ToDictionary(name => name, name => Array<double>(file, prefix + name, 1)[0]);

    private static IEnumerable<string> Names(SafeTensorsReader file, string prefix) =>
        file.Entries.Where(entry => entry.Name.StartsWith(prefix, StringComparison.Ordinal)).Select(entry => entry.Name[prefix.Length..]);

    private static TValue[] Array<TValue>(SafeTensorsReader file, string name, int? count = null) where TValue : unmanaged, System.Numerics.INumber<TValue>
    {
        if (!file.TryGetEntry(name, out var entry)) throw new InvalidDataException($"The checkpoint lacks {name}.");
        if (count is not null && entry.Count != count) throw new InvalidDataException($"The checkpoint's {name} has {entry.Count} values, but {count} are expected.");
        var values = new TValue[checked((int)entry.Count)];
        file.Read(name, values.AsSpan());
        return values;
    }

    private static long[] Pack(ReadOnlySpan<byte> state) => System.Runtime.InteropServices.MemoryMarshal.Cast<byte, long>(state).ToArray();

    private static byte[] Unpack(long[] words) => System.Runtime.InteropServices.MemoryMarshal.AsBytes<long>(words).ToArray();
}
