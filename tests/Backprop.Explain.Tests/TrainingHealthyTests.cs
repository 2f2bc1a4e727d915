using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;

namespace Backprop.Explain.Tests;

/// <summary>A healthy training has no finding, whatever its kind.</summary>
public sealed class TrainingHealthyTests
{
    private readonly Generator _generator = new(1);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void A_regression_with_tanh_is_healthy(int seed)
    {
        var generator = new Generator(seed);
        var (training, validation) = Trainings.Wave(generator).Split(0.25, generator);
        var model = new Sequential<double>
        {
            new Linear<double>(2, 16, generator: generator), new Tanh<double>(), new Linear<double>(16, 16, generator: generator), new Tanh<double>(), new Linear<double>(16, 1, generator: generator),
        };
        RequireHealthy(new(model, new MSELoss<double>(), new Adam<double>(model.Parameters, 0.01), new Batches<double>(training, 32, generator)) { Validation = validation, Metrics = [new R2<double>()] }, 30);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void A_classification_with_ReLU_and_Adam_is_healthy(int seed)
    {
        var generator = new Generator(seed);
        var (training, validation) = Trainings.Classes(generator).Split(0.25, generator);
        var model = Trainings.Classifier(generator);
        RequireHealthy(new(model, new CrossEntropyLoss<double>(), new Adam<double>(model.Parameters), new Batches<double>(training, 32, generator)) { Validation = validation, Metrics = [new Accuracy<double>()] }, 20);
    }

    [Fact]
    public void A_deep_residual_network_with_LayerNorm_is_healthy()
    {
        var model = new Sequential<double> { new Linear<double>(16, 24, generator: _generator) };
        for (var i = 0; i < 12; i++)
            model.Add(new Residual<double>(new Sequential<double> { new LayerNorm<double>(24), new Linear<double>(24, 24, generator: _generator), new GELU<double>(), new Linear<double>(24, 24, generator: _generator) }));
        model.Add(new LayerNorm<double>(24));
        model.Add(new Linear<double>(24, 10, generator: _generator));
        RequireHealthy(new(model, new CrossEntropyLoss<double>(), new AdamW<double>(model.Parameters), new Batches<double>(Trainings.Classes(_generator), 32, _generator)), 8);
    }

    [Fact]
    public void BatchNorm_and_Dropout_are_healthy()
    {
        var model = new Sequential<double>
        {
            new Linear<double>(16, 32, generator: _generator), new BatchNorm1d<double>(32), new ReLU<double>(), new Dropout<double>(0.3, _generator), new Linear<double>(32, 10, generator: _generator),
        };
        RequireHealthy(new(model, new CrossEntropyLoss<double>(), new SGD<double>(model.Parameters, 0.1, momentum: 0.5), new Batches<double>(Trainings.Classes(_generator), 32, _generator)), 15);
    }

    [Theory]
    [InlineData(20)]
    [InlineData(50)]
    [InlineData(100)]
    [InlineData(2000)]
    public void The_network_of_the_notebook_is_healthy(int epochs)
    {
        var x = Matrix<double>.Build.Dense(8, 1, (i, _) => -1 + 2.0 / 7 * i);
        Linear<double> hidden = new(1, 1), output = new(1, 1);
        var model = new Sequential<double> { { "hidden", hidden }, { "activation", new Sigmoid<double>() }, { "output", output } };
        hidden.Weight.Value[0, 0] = output.Weight.Value[0, 0] = -0.1;
        hidden.Bias!.Value[0] = output.Bias!.Value[0] = 0;
        RequireHealthy(new(model, new MSELoss<double>(), new SGD<double>(model.Parameters, 0.1), new Batches<double>(x, x.Clone(), 8)), epochs);
    }

    [Fact]
    public void Fine_tuning_with_frozen_layers_is_healthy()
    {
        var body = new Sequential<double> { new Linear<double>(16, 32, generator: _generator), new ReLU<double>() };
        var model = new Sequential<double> { { "body", body }, { "head", new Linear<double>(32, 10, generator: _generator) } };
        body.Freeze();
        RequireHealthy(new(model, new CrossEntropyLoss<double>(), new Adam<double>(model["head"].Parameters, 0.01), new Batches<double>(Trainings.Classes(_generator), 32, _generator)), 10);
    }

    [Fact]
    public void A_warm_up_and_a_rate_that_falls_to_nothing_are_healthy()
    {
        var model = Trainings.Small(_generator, new SiLU<double>());
        var adam = new Adam<double>(model.Parameters, 0.02);
        RequireHealthy(new(model, new HuberLoss<double>(), adam, new Batches<double>(Trainings.Wave(_generator), 32, _generator)) { BatchScheduler = new OneCycleLR(adam, 0.05, 8 * 25) }, 25);
    }

    [Fact]
    public void A_sure_sigmoid_at_the_end_is_healthy()
    {
        var samples = Trainings.Classes(_generator, classes: 2, noise: 0.3);
        var model = new Sequential<double> { new Linear<double>(16, 16, generator: _generator), new Tanh<double>(), new Linear<double>(16, 1, generator: _generator), new Sigmoid<double>() };
        var report = RequireHealthy(new(model, new BCELoss<double>(), new Adam<double>(model.Parameters, 0.01), new Batches<double>(samples, 32, _generator)), 40);
        report.Record.Samples[^1].Layers[3].Saturated.Should().BeGreaterThan(0.5, "it is saturated, and that is as it should be");
    }

    [Fact]
    public void Scaled_data_before_the_first_layer_are_healthy()
    {
        var samples = Trainings.Wave(_generator);
        var x = samples.X.MapIndexed((_, j, v) => j == 0 ? v : 1000 * v + 5000);
        var scale = new Standardize<double>(2);
        scale.Fit(x);
        var model = new Sequential<double> { scale, Trainings.Small(_generator) };
        RequireHealthy(new(model, new MSELoss<double>(), new Adam<double>(model.Parameters, 0.01), new Batches<double>(new Samples<double>(x, samples.Y), 32, _generator)), 20);
    }

    [Fact]
    public void Early_stopping_that_brings_the_best_weights_back_is_healthy()
    {
        var generator = new Generator(4);
        var (training, validation) = Trainings.Classes(generator, count: 120, noise: 1.5).Split(0.5, generator);
        var model = Trainings.Classifier(generator);
        var report = RequireHealthy(new(model, new CrossEntropyLoss<double>(), new Adam<double>(model.Parameters, 0.01), new Batches<double>(training, 16, generator)) { Validation = validation, EarlyStopping = new(8) }, 100);
        report.Record.History.EndReason.Should().Be(EndReason.EarlyStopping);
    }

    [Fact]
    public void Two_heads_with_a_loss_of_parts_are_healthy()
    {
        var classes = Trainings.Classes(_generator, classes: 3);
        var targets = Matrix<double>.Build.Dense(600, 2, (i, j) => j == 0 ? classes.Y[i, 0] : classes.X.Row(i).Sum() / 4);
        var model = new Sequential<double> { new Linear<double>(16, 24, generator: _generator), new ReLU<double>(), new Linear<double>(24, 4, generator: _generator) };
        var loss = new CombinedLoss<double>(new("kind", new CrossEntropyLoss<double>(), 0..3, 0..1), new("size", new MSELoss<double>(), 3..4, 1..2, weight: 0.5));
        var report = RequireHealthy(new(model, loss, new Adam<double>(model.Parameters), new Batches<double>(new Samples<double>(classes.X, targets), 32, _generator)), 15);
        report.ToText().Should().Contain("part kind").And.Contain("part size");
        report.ToHtml().Should().Contain("Parts of the training loss");
    }

    private static TrainingReport RequireHealthy(Trainer<double> trainer, int epochs)
    {
        var report = Trainings.Tell(trainer, epochs);
        report.Findings.Should().BeEmpty();
        report.NotFound.Should().HaveCount(Diagnosis.All.Count);
        report.ToText().Should().Contain("Nothing found");
        report.Record.Samples.Should().NotBeEmpty();
        return report;
    }
}
