using CsCheck;
using FluentAssertions;
using Xunit;

namespace Backprop.Tests;

public abstract class CheckpointTests<T> : IDisposable where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
{
    private readonly string _path = Path.Combine(Path.GetTempPath(), $"backprop-{Guid.NewGuid():N}.checkpoint");

    public void Dispose()
    {
        File.Delete(_path);
        GC.SuppressFinalize(this);
    }

    private static readonly Gen<Runs.Settings> AnySettings = Gen.Select(
        Gen.Int[1, 1000], One("adam", "momentum", "sgd", "rmsprop"), One("", "step", "plateau"), Gen.Int[2, 30], Gen.Bool, Gen.Bool, Gen.Bool, Gen.Bool)
        .Select((seed, optimizer, scheduler, batchSize, dropLast, validation, stops, clips) => new Runs.Settings(
            Seed: seed, Optimizer: optimizer, Scheduler: scheduler, BatchSize: batchSize == 22 ? 23 : batchSize, DropLast: dropLast && batchSize < 22, Validation: validation,
            OneCycle: optimizer is "adam" or "momentum" && scheduler.Length == 0, Clip: clips ? 0.1 : null, EarlyStopping: stops ? new(2) : null, Dropout: seed % 3 == 0 ? 0 : 0.3, Accumulate: seed % 5 < 2 ? seed % 4 + 1 : 1, BatchNorm: seed % 2 == 0 && batchSize is not (2 or 11)));    // whose last batch of 1 it refuses

    private static Gen<string> One(params string[] choices) => Gen.Int[0, choices.Length - 1].Select(i => choices[i]);

    [Fact]
    public void Resumed_at_any_step_a_training_gives_bit_for_bit_the_uninterrupted_run() => Gen.Select(AnySettings, Gen.Double[0, 1], Gen.Double[0, 1]).ForAll(run =>
    {
        var (settings, first, second) = run;
        var uninterrupted = Runs.Build<T>(settings);
        uninterrupted.Fit(settings.Epochs);

        var trainer = Runs.Build<T>(settings);
        var steps = settings.Epochs * trainer.Training.Count!.Value;
        foreach (var stop in (int[])[(int)(first * steps), (int)(second * steps)])
        {
            FitUntil(trainer, settings.Epochs, stop);
            trainer.SaveCheckpoint(_path);
            trainer = Runs.Build<T>(settings);
            if (stop % 2 == 0) trainer.Fit(1);      // whatever a trainer did before does not matter
            trainer.LoadCheckpoint(_path);
        }

        trainer.Fit(settings.Epochs);
        Runs.Bits(trainer).Should().Be(Runs.Bits(uninterrupted));
    }, count: 60);

    [Fact]
    public void A_checkpoint_may_be_saved_by_a_callback_after_batches_epochs_and_at_the_end()
    {
        var settings = new Runs.Settings(EarlyStopping: new(3));
        var (uninterrupted, told) = (Runs.Build<T>(settings), 0);
        var files = new List<string>();
        uninterrupted.Fit(3, _ =>
        {
            files.Add($"{_path}.{++told}");
            uninterrupted.SaveCheckpoint(files[^1]);
        });
        foreach (var file in files)
        {
            var trainer = Runs.Build<T>(settings);
            trainer.LoadCheckpoint(file);
            trainer.Fit(3);
            Runs.Bits(trainer).Should().Be(Runs.Bits(uninterrupted));
            File.Delete(file);
        }
    }

    [Fact]
    public void Saving_and_loading_change_nothing()
    {
        var trainer = Runs.Build<T>(new());
        FitUntil(trainer, 3, 7);
        var before = Runs.Bits(trainer);
        trainer.SaveCheckpoint(_path);
        Runs.Bits(trainer).Should().Be(before);
        var bytes = File.ReadAllBytes(_path);
        trainer.LoadCheckpoint(_path);
        Runs.Bits(trainer).Should().Be(before);
        trainer.SaveCheckpoint(_path);
        File.ReadAllBytes(_path).Should().Equal(bytes);
    }

    [Fact]
    public void A_training_that_stopped_early_stays_stopped_with_its_best_model()
    {
        var settings = new Runs.Settings(LearningRate: 0.5, EarlyStopping: new(2));
        var trainer = Runs.Build<T>(settings);
        trainer.Fit(100);
        trainer.SaveCheckpoint(_path);
        var resumed = Runs.Build<T>(settings);
        resumed.LoadCheckpoint(_path);
        resumed.Fit(100);
        Runs.Bits(resumed).Should().Be(Runs.Bits(trainer));
    }

    [Fact]
    public void A_rate_that_was_set_by_hand_goes_on()
    {
        var trainer = Runs.Build<T>(new());
        trainer.Fit(1);
        trainer.Optimizer.LearningRate = 0.007;
        trainer.SaveCheckpoint(_path);
        var resumed = Runs.Build<T>(new());
        resumed.LoadCheckpoint(_path);
        resumed.Optimizer.LearningRate.Should().Be(0.007);
    }

    public static TheoryData<string, Func<Runs.Settings, Runs.Settings>, string> OtherSettings => new()
    {
        { "seed", s => s with { Seed = 2 }, "training samples: 23x6 -> 23x1, * there, 23x6 -> 23x1, * here; ResumeChanges.Samples allows it\n  validation samples: *; ResumeChanges.Validation allows it" },
        { "samples", s => s with { Samples = 24 }, "training samples: 23x6 -> 23x1, * there, 24x6 -> 24x1, * here; ResumeChanges.Samples allows it" },
        { "batch size", s => s with { BatchSize = 6 }, "batch size: 5 there, 6 here; ResumeChanges.BatchSize allows it" },
        { "drop last", s => s with { DropLast = true }, "last batch: kept there, dropped here; ResumeChanges.BatchSize allows it" },
        { "optimizer", s => s with { Optimizer = "sgd" }, "optimizer: Adam there, SGD here\n  optimizer groups.0 type: Backprop.AdamGroup there, Backprop.SGDGroup here\n*optimizer groups.0.momentum: nothing there, 0 here*" },
        { "learning rate", s => s with { LearningRate = 0.03 }, "optimizer groups.0.lr: 0.02 there, 0.03 here; ResumeChanges.Hyperparameters allows it" },
        { "scheduler", s => s with { Scheduler = "step" }, "scheduler: none there, Backprop.StepLR here; ResumeChanges.Schedulers allows it\n*scheduler step_size: nothing there, 2 here; ResumeChanges.Schedulers allows it*" },
        { "model", s => s with { Hidden = 5 }, "model.hidden text: Linear(6 -> 4) there, Linear(6 -> 5) here\n*model.hidden.weight shape: (4, 6) there, (5, 6) here*" },
        { "dropout", s => s with { Dropout = 0.4 }, "model.dropout text: Dropout(0.3) there, Dropout(0.4) here\n  model.dropout p: 0.3 there, 0.4 here" },
        { "validation", s => s with { Validation = false }, "validation samples: 11x6 -> 11x1, * there, none here; ResumeChanges.Validation allows it\n  metrics: accuracy, top_2_accuracy there,  here; ResumeChanges.Validation allows it\n*" },
        { "clipping", s => s with { Clip = 1 }, "gradient norm: any there, 1 here; ResumeChanges.Hyperparameters allows it" },
        { "early stopping", s => s with { EarlyStopping = new EarlyStopping(3) }, "early stopping: none there, EarlyStopping(3, 0) here; ResumeChanges.EarlyStopping allows it" },
    };

    [Theory, MemberData(nameof(OtherSettings))]
    public void A_checkpoint_of_other_settings_is_refused_and_changes_nothing(string what, Func<Runs.Settings, Runs.Settings> other, string message)
    {
        var trainer = Runs.Build<T>(new());
        FitUntil(trainer, 3, 7);
        trainer.SaveCheckpoint(_path);
        Refused(Runs.Build<T>(other(new())), $"{_path} is a checkpoint of a training with other settings:\n  {message}", what);
    }

    [Fact]
    public void A_scheduler_with_other_settings_is_refused_and_changes_nothing()
    {
        var trainer = Runs.Build<T>(new(OneCycle: true));
        FitUntil(trainer, 3, 7);
        trainer.SaveCheckpoint(_path);
        Refused(Runs.Build<T>(new(OneCycle: true, Epochs: 7)),
            $"{_path} is a checkpoint of a training with other settings:\n  batch scheduler total_steps: 30 there, 35 here; ResumeChanges.Schedulers allows it");
    }

    [Fact]
    public void Another_precision_and_other_files_are_refused_and_change_nothing()
    {
        if (typeof(T) == typeof(float)) Save(Runs.Build<double>(new()));
        else Save(Runs.Build<float>(new()));
        Refused(Runs.Build<T>(new()), "*other settings:\n  precision: * there, * here\n*");
        Runs.Build<T>(new()).Model.Save(_path);
        Refused(Runs.Build<T>(new()), $"{_path} is no checkpoint but a model file, which model.Load reads.");
        File.Delete(_path);
        Runs.Build<T>(new()).Invoking(t => t.LoadCheckpoint(_path)).Should().Throw<FileNotFoundException>();

        void Save<TOther>(Trainer<TOther> other) where TOther : unmanaged, System.Numerics.IFloatingPointIeee754<TOther>
        {
            other.Fit(1);
            other.SaveCheckpoint(_path);
        }
    }

    /// <summary>Without a checksum, 333 of 3,000 such files were accepted with other numbers.</summary>
    [Fact]
    public void A_checkpoint_with_one_wrong_byte_is_refused_and_changes_nothing()
    {
        var settings = new Runs.Settings(EarlyStopping: new(3), Scheduler: "plateau");
        var trainer = Runs.Build<T>(settings);
        FitUntil(trainer, 3, 7);
        using var saved = new MemoryStream();
        trainer.SaveCheckpoint(saved);
        var bytes = saved.ToArray();
        var headerLength = BitConverter.ToInt32(bytes);
        var (random, other) = (new Random(1), Runs.Build<T>(settings));
        var before = Runs.Bits(other);
        for (var i = 0; i < 3000; i++)
        {
            byte[] damaged = [.. bytes];
            // A bit or a whole byte; anywhere, in the header, or in its padding and the digest at both ends of the data.
            var at = (i % 3) switch { 0 => random.Next(bytes.Length), 1 => random.Next(8 + headerLength), _ => random.Next(2) == 0 ? 8 + headerLength - 1 - random.Next(40) : bytes.Length - 1 - random.Next(40) };
            damaged[at] ^= (byte)(i % 2 == 0 ? 1 << random.Next(8) : random.Next(1, 256));
            other.Invoking(t => t.LoadCheckpoint(new MemoryStream(damaged), ResumeChanges.All)).Should().Throw<InvalidDataException>($"byte {at} is {damaged[at]:x2} instead of {bytes[at]:x2}");
        }

        for (var length = 0; length < bytes.Length; length += 97)
            other.Invoking(t => t.LoadCheckpoint(new OneWayStream(bytes[..length]), ResumeChanges.All)).Should().Throw<InvalidDataException>();
        Runs.Bits(other).Should().Be(before);
        other.LoadCheckpoint(new OneWayStream(bytes));
        Runs.Bits(other).Should().Be(Runs.Bits(trainer));
    }

    [Fact]
    public void A_stream_has_the_files_bytes()
    {
        var trainer = Runs.Build<T>(new());
        trainer.Fit(1);
        trainer.SaveCheckpoint(_path);
        using var stream = new MemoryStream();
        trainer.SaveCheckpoint(stream);
        stream.ToArray().Should().Equal(File.ReadAllBytes(_path));
    }

    [Theory]
    [InlineData('1')]
    [InlineData('3')]
    public void A_checkpoint_of_another_version_says_so(char version)
    {
        Runs.Build<T>(new()).SaveCheckpoint(_path);
        var text = File.ReadAllText(_path, System.Text.Encoding.Latin1);
        File.WriteAllText(_path, text.Replace("backprop checkpoint 2", $"backprop checkpoint {version}", StringComparison.Ordinal), System.Text.Encoding.Latin1);
        Refused(Runs.Build<T>(new()), $"{_path} is a 'backprop checkpoint {version}', and this version of Backprop reads a 'backprop checkpoint 2': it was written by an older version, before 0.2, or by a newer one.");
    }

    [Theory]
    [InlineData("position", 0, long.MaxValue)]
    [InlineData("position", 0, -1)]
    [InlineData("position", 1, 6)]
    [InlineData("position", 1, -1)]
    [InlineData("position", 2, 2)]
    [InlineData("training.order", 0, 23)]
    [InlineData("training.order", 0, (1L << 32) + 1)]
    [InlineData("position", 0, 2)]
    [InlineData("generator.1", 100, -1)]
    [InlineData("best_epoch", 0, 2)]
    [InlineData("best_epoch", 0, -1)]
    [InlineData("history.epochs.validation", 0, 2)]
    public void A_checkpoint_of_nowhere_is_refused_and_changes_nothing(string name, int index, long value)
    {
        var trainer = Runs.Build<T>(new());
        FitUntil(trainer, 3, 7);
        trainer.SaveCheckpoint(_path);
        var copy = new SafeTensorsWriter();
        using (var file = SafeTensorsReader.Open(_path))
        {
            foreach (var (key, text) in file.Metadata) copy.AddMetadata(key, text);
            foreach (var entry in file.Entries)
            {
                if (entry.Type == SafeTensorsType.U8) copy.AddDigest(entry.Name);
                else if (entry.Type == SafeTensorsType.I64) Copy<long>(file, entry, values => { if (entry.Name == name) values[index] = value; });
                else if (entry.Type == SafeTensorsType.F64) Copy<double>(file, entry, _ => { });
                else Copy<float>(file, entry, _ => { });
            }
        }

        copy.Save(_path);
        Refused(Runs.Build<T>(new()), $"{_path} *");

        void Copy<TValue>(SafeTensorsReader file, SafeTensorsEntry entry, Action<TValue[]> change) where TValue : unmanaged, System.Numerics.INumber<TValue>
        {
            var values = new TValue[entry.Count];
            file.Read(entry.Name, values.AsSpan());
            change(values);
            copy.Add(entry.Name, entry.Shape.ToArray(), values);
        }
    }

    [Fact]
    public void A_checkpoint_that_cannot_be_written_leaves_training_and_file()
    {
        var trainer = Runs.Build<T>(new());
        var missing = Path.Combine(_path, "there", "is", "none");
        trainer.Invoking(t => t.SaveCheckpoint(missing)).Should().Throw<IOException>();
        trainer.Fit(1);
    }

    private static void FitUntil(Trainer<T> trainer, int epochs, int steps)
    {
        using var cancellation = new CancellationTokenSource();
        Check();
        try
        {
            trainer.Fit(epochs, _ => Check(), cancellation.Token);
        }
        catch (OperationCanceledException)
        {
            // As was asked.
        }

        void Check()
        {
            if (trainer.Epoch * trainer.Training.Count + trainer.Batch >= steps) cancellation.Cancel();
        }
    }

    private void Refused(Trainer<T> trainer, string message, string because = "")
    {
        var before = Runs.Bits(trainer);
        trainer.Invoking(t => t.LoadCheckpoint(_path)).Should().Throw<InvalidDataException>(because).WithMessage(message);
        Runs.Bits(trainer).Should().Be(before);
    }
}

public sealed class CheckpointDoubleTests : CheckpointTests<double>;

public sealed class CheckpointSingleTests : CheckpointTests<float>;
