using FluentAssertions;
using Xunit;

namespace Backprop.Tests;

/// <summary>Files of 0.2 open in every later 0.x. Those in tests/fixtures were written by 0.2 and are not written again.</summary>
public sealed class FilesOf02Tests
{
    private static readonly Runs.Settings Settings = new(Scheduler: "plateau", EarlyStopping: new(3), Clip: 0.5, Optimizer: "momentum");

    public static readonly string ModelPath = Path.Combine(AppContext.BaseDirectory, "fixtures", "model-0.2.safetensors");
    public static readonly string CheckpointPath = Path.Combine(AppContext.BaseDirectory, "fixtures", "checkpoint-0.2.safetensors");

    [Fact]
    public void A_model_file_opens_and_has_its_values()
    {
        if (Directory is { } directory) Numbered().Save(Path.Combine(directory, "model-0.2.safetensors"));
        var model = Model();
        model.Load(ModelPath).Loaded.Should().HaveCount(8);
        Runs.Model(model).Should().Be(Runs.Model(Numbered()));
    }

    [Fact]
    public void A_checkpoint_opens_and_its_training_goes_on()
    {
        if (Directory is { } directory)
        {
            var writer = Runs.Build<double>(Settings);
            writer.Fit(2);
            writer.Model.Parameters[0].Values[0] = 0.125;
            writer.SaveCheckpoint(Path.Combine(directory, "checkpoint-0.2.safetensors"));
        }

        var trainer = Runs.Build<double>(Settings);
        trainer.LoadCheckpoint(CheckpointPath).Should().Be(ResumeChanges.None);
        (trainer.Epoch, trainer.Batch).Should().Be((2, 0));
        trainer.Model.Parameters[0].Values[0].Should().Be(0.125);
        trainer.Fit(3).Epochs.Should().HaveCount(3);
    }

    /// <summary>Where to write this version's files, once, before it is released.</summary>
    private static string? Directory => Environment.GetEnvironmentVariable("BACKPROP_FIXTURES") is { Length: > 0 } directory ? directory : null;

    private static Sequential<float> Model() => new() { { "hidden", new Linear<float>(2, 3) }, { "norm", new BatchNorm1d<float>(3) }, { "slope", new PReLU<float>() } };

    private static Sequential<float> Numbered()
    {
        var model = Model();
        var next = 0;
        foreach (var parameter in model.Parameters)
            foreach (ref var value in parameter.Values) value = next++ * 0.5f - 1;
        model.Get<BatchNorm1d<float>>("norm").NumBatchesTracked!.Value = 7;
        return model;
    }
}
