using System.Numerics;
using Backprop.Tests;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;

namespace Backprop.Explain.Tests;

public sealed class TrainingStoryFloatTests : TrainingStoryTests<float>;

public sealed class TrainingStoryDoubleTests : TrainingStoryTests<double>;

/// <summary>What a story notes: the numbers, at which steps, and that it does no more than look.</summary>
public abstract class TrainingStoryTests<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private static readonly double Rounding = typeof(T) == typeof(float) ? 1e-4 : 1e-10;

    [Fact]
    public void A_watched_training_has_the_bits_of_one_that_is_not()
    {
        var settings = new Runs.Settings(OneCycle: true, Clip: 1);
        Trainer<T> alone = Runs.Build<T>(settings), watched = Runs.Build<T>(settings);
        alone.Fit(settings.Epochs);
        var story = new TrainingStory<T>(watched);
        story.Fit(settings.Epochs, progress =>
        {
            if (progress.Moment == TrainingMoment.EpochEnd) story.Tell().ToHtml();
        });
        Runs.Bits(watched).Should().Be(Runs.Bits(alone));
        story.Record().Samples.Should().HaveCount(30);
    }

    [Fact]
    public void Norms_ratios_and_losses_are_those_of_the_step()
    {
        var generator = new Generator(3);
        var model = new Sequential<T> { { "a", new Linear<T>(Runs.Features, 4, generator: generator) }, { "act", new ReLU<T>() }, { "b", new Linear<T>(4, Runs.Classes, generator: generator) } };
        var trainer = new Trainer<T>(model, new CrossEntropyLoss<T>(), new SGD<T>(model.Parameters, 0.1), new Batches<T>(Runs.Samples<T>(20, 1), 5, generator));
        var story = new TrainingStory<T>(trainer);
        var expected = new List<(double Gradient, double Update, double OutputGradient, double Loss)>();
        var running = 0.0;
        trainer.Fit(2, progress =>
        {
            story.Observe(progress);
            if (progress.Moment != TrainingMoment.BatchEnd) return;
            var own = model["b"].Parameters;
            double Norm(Func<double, double, double> of) => Math.Sqrt(own.Sum(parameter => Enumerable.Range(0, parameter.Count).Sum(i => Math.Pow(of(double.CreateChecked(parameter.Values[i]), double.CreateChecked(parameter.Gradients[i])), 2))));
            var gradient = Norm((_, g) => g);
            var before = Norm((w, g) => w + 0.1 * g);
            expected.Add((gradient, 0.1 * gradient / before, progress.Pass["b"].OutputGradient!.ToRowMajorArray().Select(double.CreateChecked).Select(d => d * d).Sum(), progress.Loss * progress.Batch - (progress.Batch > 1 ? running : 0)));
            running = progress.Loss * progress.Batch;
        });
        var record = story.Record();
        record.Layers.Select(layer => layer.Name).Should().Equal("layer a (Linear(6 -> 4))", "layer act (ReLU())", "layer b (Linear(4 -> 3))");
        record.Layers.Select(layer => layer.Learning).Should().Equal(28, 0, 15);
        record.Samples.Select(sample => (sample.Step, sample.Epoch, sample.Batch)).Should().Equal((1, 1, 1), (2, 1, 2), (3, 1, 3), (4, 1, 4), (5, 2, 1), (6, 2, 2), (7, 2, 3), (8, 2, 4));
        foreach (var (sample, (gradient, update, outputGradient, loss)) in record.Samples.Zip(expected))
        {
            sample.Layers[2].Gradient.Should().BeApproximately(gradient, Rounding);
            sample.Layers[2].Update.Should().BeApproximately(update, Rounding);
            sample.Layers[2].OutputGradient.Should().BeApproximately(Math.Sqrt(outputGradient), Rounding);
            sample.Loss.Should().BeApproximately(loss, Rounding);
            sample.LearningRate.Should().Be(0.1);
            sample.Layers[1].Gradient.Should().Be(double.NaN, "it has no parameters");
            sample.Layers[1].Update.Should().Be(double.NaN);
            sample.Layers[1].Saturated.Should().Be(double.NaN, "half of a ReLU is flat by design");
            sample.Layers[0].Dead.Should().Be(double.NaN, "a linear layer does not die");
        }

        trainer.History.Epochs[0].TrainingLoss.Should().BeApproximately(record.Samples.Take(4).Average(sample => sample.Loss), Rounding);
    }

    [Fact]
    public void Shares_of_dead_and_saturated_units_are_counted()
    {
        var x = Matrix<T>.Build.Dense(4, 3, (i, j) => T.CreateChecked(j switch { 0 => -1 - i, 1 => i == 0 ? 1 : -1, _ => 100 }));
        var y = Matrix<T>.Build.Dense(4, 3, T.One);
        var model = new Sequential<T> { new ReLU<T>(), new Tanh<T>(), new Linear<T>(3, 3, generator: new(1)) };
        var trainer = new Trainer<T>(model, new MSELoss<T>(), new SGD<T>(model.Parameters, 0.1), new Batches<T>(x, y, 2));
        var story = new TrainingStory<T>(trainer);
        trainer.Fit(2, story.Observe);
        var record = story.Record();
        record.Window.Should().Be(4, "there are no more samples");
        record.Samples.Select(sample => sample.Layers[0].Dead).Should().Equal([0, 1 / 3.0, 1 / 3.0, 1 / 3.0], "the second unit fires for the first sample of each four");
        record.Samples.Select(sample => sample.Layers[1].Saturated).Should().Equal([1 / 3.0, 1 / 3.0, 1 / 3.0, 1 / 3.0], "tanh is flat at 100, and not at 0 and 1");
        record.Samples[0].Layers[0].OutputGradient.Should().Be(double.NaN, "nothing before the linear layer learns");
    }

    [Fact]
    public void A_long_training_is_thinned_out_and_lies_evenly()
    {
        var trainer = Runs.Build<T>(new(Dropout: 0, BatchNorm: false));       // 5 batches
        var story = new TrainingStory<T>(trainer) { MaxSamples = 16 };
        trainer.Fit(200, story.Observe);
        var steps = story.Record().Samples.Select(sample => sample.Step).ToArray();
        story.Record().Steps.Should().Be(1000);
        steps.Length.Should().BeInRange(8, 16);
        steps.Skip(1).Zip(steps, (next, step) => next - step).Distinct().Should().ContainSingle().Which.Should().Be(128);
        steps[0].Should().Be(1);
        story.Record().Samples.Should().OnlyContain(sample => sample.Layers[0].Update > 0, "the parameters were copied before each step that is kept");
    }

    [Fact]
    public void It_looks_as_often_as_it_is_told()
    {
        var trainer = Runs.Build<T>(new());
        var story = new TrainingStory<T>(trainer) { Every = 10 };
        trainer.Fit(7, story.Observe);
        story.Record().Samples.Select(sample => sample.Step).Should().Equal(1, 11, 21, 31);
        story.Record().Samples.Should().OnlyContain(sample => sample.Layers[0].Update > 0);
        FluentActions.Invoking(() => new TrainingStory<T>(trainer) { Every = 0 }).Should().Throw<ArgumentOutOfRangeException>().WithMessage("TrainingStory expects to look at every so many steps, at least 1.*");
        FluentActions.Invoking(() => new TrainingStory<T>(trainer) { MaxSamples = 7 }).Should().Throw<ArgumentOutOfRangeException>();
    }

    [Fact]
    public void Between_two_looks_nothing_is_allocated()
    {
        var trainer = Runs.Build<T>(new(Dropout: 0, Validation: false));
        var story = new TrainingStory<T>(trainer) { Every = 1000 };
        long least = long.MaxValue, before = 0;
        trainer.Fit(60, progress =>
        {
            if (progress.Batch != 4 || progress.Moment != TrainingMoment.BatchEnd) return;
            before = GC.GetAllocatedBytesForCurrentThread();
            story.Observe(progress);
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        });
        least.Should().Be(0);
    }

    [Fact]
    public void With_accumulation_it_looks_at_whole_steps()
    {
        var trainer = Runs.Build<T>(new(Accumulate: 2));      // 5 batches, 3 steps
        var story = new TrainingStory<T>(trainer);
        trainer.Fit(2, story.Observe);
        story.Record().Samples.Select(sample => (sample.Step, sample.Epoch, sample.Batch)).Should().Equal((1, 1, 2), (2, 1, 4), (3, 1, 5), (4, 2, 2), (5, 2, 4), (6, 2, 5));
    }

    [Fact]
    public void A_training_that_was_cancelled_and_resumed_has_one_story()
    {
        var settings = new Runs.Settings();
        var whole = new TrainingStory<T>(Runs.Build<T>(settings));
        whole.Fit(4);
        var trainer = Runs.Build<T>(settings);
        var story = new TrainingStory<T>(trainer);
        using var cancellation = new CancellationTokenSource();
        FluentActions.Invoking(() => story.Fit(4, progress =>
        {
            if (progress is { Epoch: 2, Batch: 3 }) cancellation.Cancel();
        }, cancellation.Token)).Should().Throw<OperationCanceledException>();
        story.Record().Samples.Should().HaveCount(8);
        story.Record().History.EndReason.Should().BeNull();
        story.Tell().ToText().Should().Contain("It has not ended.");
        story.Fit(4);
        story.Record().Samples.Should().BeEquivalentTo(whole.Record().Samples, options => options.WithStrictOrdering());
        story.Record().Failure.Should().BeNull();
    }

    [Fact]
    public void A_training_that_goes_back_to_a_checkpoint_forgets_what_came_after()
    {
        var trainer = Runs.Build<T>(new());
        var story = new TrainingStory<T>(trainer);
        using var file = new MemoryStream();
        trainer.Fit(3, progress =>
        {
            story.Observe(progress);
            if (progress is { Moment: TrainingMoment.EpochEnd, Epoch: 1 }) trainer.SaveCheckpoint(file);
        });
        file.Position = 0;
        trainer.LoadCheckpoint(file);
        trainer.Fit(2, story.Observe);
        var samples = story.Record().Samples;
        samples.Select(sample => (sample.Epoch, sample.Batch)).Should().Equal(Enumerable.Range(0, 10).Select(i => (1 + i / 5, 1 + i % 5)));
        samples[5].Layers[0].Update.Should().Be(double.NaN, "what that step changed was not seen");
        samples[6].Layers[0].Update.Should().BeGreaterThan(0);
    }

    [Fact]
    public void A_model_that_is_one_layer_nested_and_shared_layers_have_their_paths()
    {
        Paths(new Linear<T>(6, 3)).Should().Equal("");
        var shared = new Linear<T>(6, 6);
        Paths(new Sequential<T> { { "in", shared }, { "block", new Residual<T>(new Sequential<T> { { "again", shared }, { "act", new GELU<T>() } }) }, { "out", new Linear<T>(6, 3) } })
            .Should().Equal("in", "block.f.again", "block.f.act", "out");
        Paths(new Sequential<T> { new Concat<T>(new Linear<T>(6, 1), new Sequential<T> { new Linear<T>(6, 2), new Tanh<T>() }) }).Should().Equal("0.0", "0.1.0", "0.1.1");

        static IEnumerable<string> Paths(Layer<T> model)
        {
            var trainer = new Trainer<T>(model, new CrossEntropyLoss<T>(), new SGD<T>(model.Parameters, 0.1), new Batches<T>(Runs.Samples<T>(20, 1), 5));
            var story = new TrainingStory<T>(trainer);
            trainer.Fit(1, story.Observe);
            var record = story.Record();
            record.Samples.Should().OnlyContain(sample => sample.Layers.Count == record.Layers.Count && sample.Layers[0].Gradient > 0);
            story.Tell().ToText().Should().Contain("Layer by layer");
            return record.Layers.Select(layer => layer.Path);
        }
    }

    [Fact]
    public void Layers_that_take_the_data_know_its_columns()
    {
        var model = new Sequential<T> { new Concat<T>(new Linear<T>(6, 3), new Sequential<T> { new Identity<T>(), new Linear<T>(6, 3), new Linear<T>(3, 3) }), new Linear<T>(6, 3) };
        var story = new TrainingStory<T>(new(model, new CrossEntropyLoss<T>(), new SGD<T>(model.Parameters, 0.1), new Batches<T>(Runs.Samples<T>(20, 1), 5)));
        story.Fit(1);
        story.Record().Layers.Where(layer => layer.Inputs is not null).Select(layer => layer.Path).Should().Equal("0.0", "0.1.1");
    }

    [Fact]
    public void Freezing_in_its_midst_is_seen()
    {
        var model = new Sequential<T> { new Linear<T>(6, 4, generator: new(1)), new Tanh<T>(), new Linear<T>(4, 3, generator: new(2)) };
        var trainer = new Trainer<T>(model, new CrossEntropyLoss<T>(), new SGD<T>(model.Parameters, 0.1), new Batches<T>(Runs.Samples<T>(20, 1), 5));
        var story = new TrainingStory<T>(trainer);
        story.Fit(2, progress =>
        {
            if (progress is { Moment: TrainingMoment.EpochEnd, Epoch: 1 }) model["0"].Freeze();
        });
        var record = story.Record();
        record.Samples.Select(sample => double.IsNaN(sample.Layers[0].Gradient)).Should().Equal(false, false, false, false, true, true, true, true);
        (record.Learning, record.Frozen, record.Layers[0].Frozen).Should().Be((15, 28, 28));
        story.Tell().ToText().Should().Contain("28 are frozen");
    }

    [Fact]
    public void Progress_of_another_trainer_is_refused()
    {
        var story = new TrainingStory<T>(Runs.Build<T>(new()));
        var other = Runs.Build<T>(new());
        FluentActions.Invoking(() => other.Fit(1, story.Observe)).Should().Throw<ArgumentException>().WithMessage("TrainingStory expects the progress of the trainer that it was made for*");
        FluentActions.Invoking(() => new TrainingStory<T>(null!)).Should().Throw<ArgumentNullException>();
    }

    [Fact]
    public void A_failure_can_be_noted_by_whoever_catches_it()
    {
        var model = new Sequential<T> { new Linear<T>(1, 1) };
        var x = Matrix<T>.Build.Dense(6, 1, (i, _) => i == 4 ? T.NaN : T.One);
        var trainer = new Trainer<T>(model, new MSELoss<T>(), new SGD<T>(model.Parameters, 0.1), new Batches<T>(x, Matrix<T>.Build.Dense(6, 1), 2));
        var story = new TrainingStory<T>(trainer);
        var thrown = FluentActions.Invoking(() => trainer.Fit(3, story.Observe)).Should().Throw<NotFiniteNumberException>().Which;
        story.Tell().Findings.Should().BeEmpty();
        story.Note(thrown);
        story.Record().Failure.Should().Be(new TrainingFailure(1, 3, thrown.Message));
        story.Tell().Findings.Should().Contain(finding => finding.Title == "Epoch 1, batch 3 has a number that is not finite");
    }
}
