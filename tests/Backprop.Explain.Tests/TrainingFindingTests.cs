using System.Globalization;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;

namespace Backprop.Explain.Tests;

/// <summary>Networks that are made to have an illness: it is found, in the layer that has it, with its numbers.</summary>
public sealed class TrainingFindingTests
{
    private readonly Generator _generator = new(1);

    [Fact]
    public void Dead_units_are_found()
    {
        var model = Trainings.Classifier(_generator);
        var bias = model.Get<Linear<double>>("0").Bias!;
        for (var j = 0; j < 24; j++) bias.Value[j] = -50;       // 24 of 32
        var finding = Find<DeadUnits>(Trainings.Tell(Classification(model, new SGD<double>(model.Parameters, 0.01)), 5));
        finding.Title.Should().Be("Layer 1 (ReLU()): 75 % of its units are dead");
        finding.Evidence.Should().StartWith("24 of 32 units had a derivative of 0 for each of the last 600 samples").And.Contain("since epoch 1, batch 19");
        (finding.Layer, finding.Epoch, finding.Batch).Should().Be(("1", 1, 19));
    }

    [Fact]
    public void Few_dead_units_are_let_pass()
    {
        var model = Trainings.Classifier(_generator);
        var bias = model.Get<Linear<double>>("0").Bias!;
        for (var j = 0; j < 8; j++) bias.Value[j] = -50;
        var report = Trainings.Tell(Classification(model, new Adam<double>(model.Parameters)), 5);
        report.Findings.Should().BeEmpty();
        report.Record.Samples[^1].Layers[1].Dead.Should().BeApproximately(0.25, 0.1);
    }

    [Fact]
    public void Dead_units_of_a_layer_of_ones_own_are_found_by_their_output()
    {
        var model = Trainings.Classifier(_generator, new Clipped());
        model.Get<Linear<double>>("0").Bias!.Values.Fill(-50);
        Find<DeadUnits>(Trainings.Tell(Classification(model, new SGD<double>(model.Parameters, 0.01)), 3)).Title.Should().Be("Layer 1 (Clipped()): 100 % of its units are dead");
    }

    [Fact]
    public void Saturated_units_are_found()
    {
        var model = Trainings.Classifier(_generator, new Tanh<double>());
        Init.Normal(model.Get<Linear<double>>("0").Weight, 0, 3, _generator);
        var finding = Find<SaturatedUnits>(Trainings.Tell(Classification(model, new SGD<double>(model.Parameters, 0.01)), 5));
        finding.Title.Should().MatchRegex(@"^Layer 1 \(Tanh\(\)\): [5-9]\d % of its outputs are saturated$");
        finding.Evidence.Should().Contain("first in epoch 1, batch 1");
    }

    [Fact]
    public void A_vanishing_gradient_is_found()
    {
        var report = Trainings.Tell(Deep(), 5);
        var finding = Find<VanishingGradient>(report);
        finding.Title.Should().MatchRegex(@"^The gradient shrinks [\d,]+,000-fold from output to input$");
        finding.Evidence.Should().MatchRegex(@"at layer 16 \(Linear\(16 -> 1\)\), .* at layer 0 \(Linear\(2 -> 16\)\) \(medians of 40 steps\)");
        finding.Layer.Should().Be("0");
        var norms = report.Record.Samples.Select(sample => sample.Layers[0].OutputGradient / sample.Layers[16].OutputGradient).ToArray();
        var fold = double.Parse(finding.Title.Split(' ', '-')[3], NumberStyles.AllowThousands, CultureInfo.InvariantCulture);
        (fold * TrainingRecord.Median(norms)).Should().BeApproximately(1, 0.01, "the title has the median of what was measured");
    }

    [Fact]
    public void An_exploding_gradient_is_found()
    {
        var model = new Sequential<double>();
        for (var i = 0; i < 8; i++)
        {
            var layer = new Linear<double>(i == 0 ? 2 : 16, i == 7 ? 1 : 16, generator: _generator);
            Init.Normal(layer.Weight, 0, 1, _generator);
            model.Add(layer);
        }

        var finding = Find<ExplodingGradient>(Trainings.Tell(Regression(model, new SGD<double>(model.Parameters, 1e-12)), 3));
        finding.Title.Should().MatchRegex(@"^The gradient grows [\d,]+-fold from output to input$");
        finding.Layer.Should().Be("0");
    }

    [Fact]
    public void A_rate_that_makes_the_loss_jump_about_is_found()
    {
        var samples = Trainings.Wave(_generator);
        var model = Trainings.Small(_generator);
        var trainer = new Trainer<double>(model, new MSELoss<double>(), new Adam<double>(model.Parameters, 1), new Batches<double>(samples, samples.Count));
        var finding = Find<LearningRateTooHigh>(Trainings.Tell(trainer, 30));
        finding.Evidence.Should().MatchRegex("^From epoch 16 on, the training loss changes by 0.38.* up and down, and does not fall: it was 0.48.* in epoch 1 and is 0.51.* in epoch 30.$");
        finding.Suggestion.Should().Contain("It was 1 in the end");
    }

    [Fact]
    public void A_rate_whose_steps_are_too_long_is_found()
    {
        var model = Trainings.Small(_generator);
        var finding = Find<LearningRateTooHigh>(Trainings.Tell(Regression(model, new SGD<double>(model.Parameters, 0.9)), 20));
        finding.Evidence.Should().MatchRegex(@"changes the weights of layer 2 \(Linear\(16 -> 1\)\) by .* norm");
        finding.Layer.Should().Be("2");
    }

    [Fact]
    public void A_training_that_diverges_is_found_with_the_first_place_that_is_not_finite()
    {
        var model = Trainings.Small(_generator, new ReLU<double>());
        var trainer = Regression(model, new SGD<double>(model.Parameters, 20));
        var report = Trainings.Tell(trainer, 50);
        var finding = Find<NonFiniteNumber>(report);
        (finding.Epoch, finding.Batch).Should().Be((trainer.Epoch + 1, trainer.Batch + 1));
        finding.Evidence.Should().Contain("in epoch ").And.Contain("The loss is");
        Find<LearningRateTooHigh>(report).Evidence.Should().Contain("The training loss grew from");
        report.Findings[0].Should().Be(finding, "what stops a training is told first");
    }

    [Fact]
    public void A_rate_that_is_too_low_is_found()
    {
        var model = Trainings.Small(_generator);
        var finding = Find<LearningRateTooLow>(Trainings.Tell(Regression(model, new SGD<double>(model.Parameters, 1e-6)), 10));
        finding.Evidence.Should().Contain("no layer by more than").And.Contain("in epoch 1 to").And.Contain("in epoch 10");
        finding.Suggestion.Should().StartWith("It was 1.0e-06 in the end");
    }

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void A_validation_loss_that_is_not_finite_is_found(double bad)
    {
        var samples = Trainings.Wave(_generator);
        var model = Trainings.Small(_generator);
        var validation = new Samples<double>(samples.X, samples.Y.Clone());
        validation.Y[3, 0] = bad;
        var trainer = new Trainer<double>(model, new MSELoss<double>(), new Adam<double>(model.Parameters, 0.01), new Batches<double>(samples, 32, _generator)) { Validation = validation };
        var finding = Find<NonFiniteNumber>(Trainings.Tell(trainer, 2));
        finding.Title.Should().Be($"The validation loss of epoch 1 is {(double.IsNaN(bad) ? "NaN" : "infinity")}");
    }

    [Fact]
    public void Overfitting_is_found_with_the_best_epoch()
    {
        var x = Matrix<double>.Build.Dense(80, 20);
        Init.Normal(x, 0, 1, _generator);
        var samples = new Samples<double>(x, Matrix<double>.Build.Dense(80, 1, (i, _) => i * 7919 % 13 % 2));      // nothing but noise
        var (training, validation) = samples.Split(0.5, _generator);
        var model = new Sequential<double> { new Linear<double>(20, 64, generator: _generator), new ReLU<double>(), new Linear<double>(64, 2, generator: _generator) };
        var trainer = new Trainer<double>(model, new CrossEntropyLoss<double>(), new Adam<double>(model.Parameters, 0.01), new Batches<double>(training, 8, _generator)) { Validation = validation };
        var finding = Find<Overfitting>(Trainings.Tell(trainer, 20));
        finding.Epoch.Should().Be(trainer.History.Best!.Epoch);
        finding.Title.Should().Be($"The model overfits from epoch {finding.Epoch} on");
        Find<Overfitting>(TrainingReport.Of(trainer.History)).Should().Be(finding, "the history is enough");
    }

    [Fact]
    public void No_learning_is_found_for_classes_and_for_numbers()
    {
        var x = Matrix<double>.Build.Dense(900, 4);
        Init.Normal(x, 0, 1, _generator);
        var y = Matrix<double>.Build.Dense(900, 1, (i, _) => i % 3);
        var model = new Sequential<double> { new Linear<double>(4, 3, generator: _generator) };
        var trainer = new Trainer<double>(model, new CrossEntropyLoss<double>(), new SGD<double>(model.Parameters, 0.1), new Batches<double>(x, y, 32, _generator));
        var report = Trainings.Tell(trainer, 20);
        report.Record.ConstantLoss.Should().BeApproximately(Math.Log(3), 1e-12);
        Find<NoLearning>(report).Evidence.Should().EndWith("the best prediction that is the same for every sample has 1.099.");

        var numbers = new Sequential<double> { new Linear<double>(4, 1, generator: _generator) };
        report = Trainings.Tell(new(numbers, new MSELoss<double>(), new SGD<double>(numbers.Parameters, 0.05), new Batches<double>(x, y, 32, _generator)), 20);
        report.Record.ConstantLoss.Should().BeApproximately(2.0 / 3, 1e-12, "it is the variance of 0, 1, 2");
        Find<NoLearning>(report);
    }

    [Fact]
    public void The_best_constant_is_known_for_each_loss_that_has_one()
    {
        var x = Matrix<double>.Build.Dense(4, 2, (i, j) => i + j);
        var y = Matrix<double>.Build.DenseOfColumnArrays([0, 0, 0, 1]);
        Constant(new L1Loss<double>(), 1).Should().Be(0.25);
        Constant(new BCEWithLogitsLoss<double>(), 1).Should().BeApproximately(0.75 * Math.Log(4 / 3.0) + 0.25 * Math.Log(4), 1e-12);
        Constant(new CrossEntropyLoss<double>(), 2).Should().BeApproximately(0.75 * Math.Log(4 / 3.0) + 0.25 * Math.Log(4), 1e-12);
        Constant(new CrossEntropyLoss<double>(ignoreIndex: 1), 2).Should().BeApproximately(0, 1e-12);
        Constant(new PoissonNLLLoss<double>(), 1).Should().BeNull();
        Constant(new MSELoss<double>(Reduction.Sum), 1).Should().BeNull();

        double? Constant(Loss<double> loss, int columns)
        {
            var model = new Linear<double>(2, columns);
            return new TrainingStory<double>(new(model, loss, new SGD<double>(model.Parameters, 0.1), new Batches<double>(x, y, 2))).Record().ConstantLoss;
        }
    }

    [Fact]
    public void A_layer_that_gets_no_gradient_is_found()
    {
        var model = new Sequential<double>
        {
            { "body", new Linear<double>(2, 16, generator: _generator) }, { "activation", new Tanh<double>() }, { "gate", new Linear<double>(16, 16, bias: false, generator: _generator) }, { "head", new Linear<double>(16, 1, generator: _generator) },
        };
        model.Get<Linear<double>>("gate").Weight.Values.Clear();
        model["gate"].Freeze();
        var finding = Find<UnmovedLayer>(Trainings.Tell(Regression(model, new SGD<double>(model.Parameters, 0.01)), 2));
        finding.Title.Should().Be("Layer body (Linear(2 -> 16)) gets no gradient");
        finding.Evidence.Should().Contain("the gradient of its 48 numbers was exactly 0 at all 16 steps");
    }

    [Fact]
    public void Symmetric_units_are_found()
    {
        var model = Trainings.Small(_generator);
        foreach (var parameter in model.Parameters) parameter.Values.Fill(0.1);
        var finding = Find<SymmetricUnits>(Trainings.Tell(Regression(model, new SGD<double>(model.Parameters, 0.01)), 5));
        finding.Title.Should().Be("Layer 0 (Linear(2 -> 16)): all its units have the same weights");
        finding.Evidence.Should().Contain("After 40 steps all 16 rows of its weight are still equal");
    }

    [Fact]
    public void Zeros_in_the_last_layer_alone_are_no_symmetry()
    {
        var model = Trainings.Classifier(_generator);
        model.Get<Linear<double>>("2").Weight.Values.Clear();
        Trainings.Tell(Classification(model, new Adam<double>(model.Parameters)), 5).Findings.Should().BeEmpty();
    }

    [Fact]
    public void A_constant_output_is_found()
    {
        var finding = Find<ConstantOutput>(Trainings.Tell(Deep(), 3));
        finding.Title.Should().Be("The model predicts the same for every sample");
    }

    [Theory]
    [InlineData(5000, 1)]
    [InlineData(0, 1000)]
    public void Inputs_of_a_huge_scale_are_found(double shift, double scale)
    {
        var samples = Trainings.Wave(_generator);
        var x = samples.X.MapIndexed((_, j, v) => j == 0 ? v : scale * v + shift);
        var model = Trainings.Small(_generator);
        var trainer = new Trainer<double>(model, new MSELoss<double>(), new Adam<double>(model.Parameters, 0.01), new Batches<double>(new Samples<double>(x, samples.Y), 32, _generator));
        var report = Trainings.Tell(trainer, 20);
        var finding = Find<InputScale>(report);
        finding.Title.Should().Be("Layer 0 (Linear(2 -> 16)) is given inputs of a huge scale");
        finding.Evidence.Should().StartWith("1 of its 2 columns has a mean or a standard deviation of 100 or more: column 1 has mean").And.Contain("; the smallest, column 0,");
        var column = x.Column(1);
        report.Record.Layers[0].Inputs![1].Mean.Should().BeApproximately(column.Average(), 1e-9 * (Math.Abs(shift) + scale));
        report.Record.Layers[0].Inputs![1].StandardDeviation.Should().BeApproximately(Math.Sqrt(column.Select(v => Math.Pow(v - column.Average(), 2)).Average()), 1e-9 * scale);
    }

    [Fact]
    public void Everything_frozen_is_found()
    {
        var model = Trainings.Small(_generator);
        model.Freeze();
        Find<EverythingFrozen>(Trainings.Tell(Regression(model, new SGD<double>(model.Parameters, 0.01)), 1)).Evidence.Should().StartWith("Of the model's 65 numbers, none learns");
    }

    [Fact]
    public void A_class_that_is_never_predicted_is_found()
    {
        var x = Matrix<double>.Build.Dense(1000, 4);
        Init.Normal(x, 0, 1, _generator);
        var y = Matrix<double>.Build.Dense(1000, 1, (i, _) => i % 25 == 0 ? 2 : x[i, 0] > 0 ? 1 : 0);     // the third has nothing to know it by
        var model = new Sequential<double> { new Linear<double>(4, 3, generator: _generator) };
        var finding = Find<MissingClasses>(Trainings.Tell(new(model, new CrossEntropyLoss<double>(), new Adam<double>(model.Parameters, 0.05), new Batches<double>(x, y, 32, _generator)), 20));
        finding.Title.Should().Be("1 of 3 classes is never predicted");
        finding.Evidence.Should().Contain("of class 2 (4 % of the targets)");
    }

    [Fact]
    public void The_list_can_be_extended_and_shortened()
    {
        var model = Trainings.Small(_generator);
        var trainer = Regression(model, new SGD<double>(model.Parameters, 1e-6));
        var story = new TrainingStory<double>(trainer) { Diagnoses = [new Mine()] };
        trainer.Fit(10, story.Observe);
        story.Tell().Findings.Should().ContainSingle().Which.Title.Should().Be("It has 10 epochs");
        new TrainingReport(story.Record(), [.. Diagnosis.All, new Mine()]).Findings.Should().HaveCount(new TrainingReport(story.Record()).Findings.Count + 1);
        new TrainingReport(story.Record(), []).Findings.Should().BeEmpty();
        FluentActions.Invoking(() => new TrainingReport(story.Record(), [new Mine(), null!])).Should().Throw<ArgumentException>().WithMessage("A report expects diagnoses, but number 1 is null.*");
        FluentActions.Invoking(() => new TrainingStory<double>(trainer) { Diagnoses = [null!] }).Should().Throw<ArgumentException>();
    }

    [Fact]
    public void No_diagnosis_needs_what_may_be_missing()
    {
        foreach (var diagnosis in Diagnosis.All)
        {
            diagnosis.Examine(new(new History([]))).Should().BeEmpty("{0}", diagnosis);
            diagnosis.Examine(new(new History([new(1, 0.1, 1, null, new Dictionary<string, double>())]))).Should().BeEmpty("{0}", diagnosis);
            diagnosis.Name.Should().NotBeEmpty().And.Be($"{diagnosis}");
        }

        Diagnosis.All.Select(diagnosis => diagnosis.Name).Should().OnlyHaveUniqueItems();
    }

    private Trainer<double> Regression(Sequential<double> model, Optimizer<double> optimizer) => new(model, new MSELoss<double>(), optimizer, new Batches<double>(Trainings.Wave(_generator), 32, _generator));

    private Trainer<double> Classification(Sequential<double> model, Optimizer<double> optimizer) => new(model, new CrossEntropyLoss<double>(), optimizer, new Batches<double>(Trainings.Classes(_generator), 32, _generator));

    private Trainer<double> Deep()
    {
        var model = new Sequential<double> { new Linear<double>(2, 16, generator: _generator) };
        for (var i = 0; i < 8; i++)
        {
            model.Add(new Sigmoid<double>());
            model.Add(new Linear<double>(16, i == 7 ? 1 : 16, generator: _generator));
        }

        return Regression(model, new SGD<double>(model.Parameters, 0.01));
    }

    private static Finding Find<TDiagnosis>(TrainingReport report) where TDiagnosis : Diagnosis, new()
    {
        var finding = new TDiagnosis().Examine(report.Record).Should().ContainSingle().Subject;
        report.Findings.Should().Contain(finding, "it is one of the list");
        report.ToText().Should().Contain(finding.Title.Split(' ')[0]);
        return finding;
    }

    private sealed class Mine : Diagnosis
    {
        public override string Name => "the number of epochs";

        public override IEnumerable<Finding> Examine(TrainingRecord record)
        {
            yield return new($"It has {record.History.Epochs.Count} epochs", "So says the history.", "Nothing.");
        }
    }

    private sealed class Clipped : Layer<double>
    {
        protected override Matrix<double> ForwardCore(Matrix<double> x, ForwardPass<double> pass)
        {
            var y = pass.NewOutput(x.RowCount, x.ColumnCount);
            x.Map(v => Math.Max(v, 0), y);
            return y;
        }

        protected override Matrix<double> BackwardCore(ForwardPass<double> pass, Matrix<double> dY)
        {
            var dX = pass.NewInputGradient();
            pass.Input.Map2((x, d) => x > 0 ? d : 0, dY, dX);
            return dX;
        }
    }
}
