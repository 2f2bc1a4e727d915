using System.Numerics;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;
using static TorchSharp.torch;

namespace Backprop.Tests;

public abstract class CombinedLossTests<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    [NeedsTorch]
    [Theory]
    [InlineData(Reduction.Mean)]
    [InlineData(Reduction.Sum)]
    public void Gradients_agree_with_PyTorch_and_finite_differences(Reduction reduction) => Any.Shapes.ForAll(shape =>
    {
        // A class, some of them ignored; numbers; two of the numbers once more, by another loss; and two columns that no one asks for.
        int classes = shape.In + 1, numbers = shape.Out + 1;
        var loss = new CombinedLoss<T>(
            new("kind", new CrossEntropyLoss<T>(reduction: reduction), ..classes, ..1), new("numbers", new MSELoss<T>(reduction), classes..(classes + numbers), 1.., 0.5),
            new("again", new HuberLoss<T>(reduction, 0.25), (classes + numbers - 2)..^2, ^2.., -1.75));
        var target = LossCases.Classes<T>(shape.Rows, classes, shape.Seed, -100).Append(Any.Matrix<T>(shape.Rows, numbers, shape.Seed + 1));
        Proof.Loss(loss, Any.Matrix<T>(shape.Rows, classes + numbers + 2, shape.Seed, 2), target, (p, t) =>
            nn.functional.cross_entropy(p.narrow(1, 0, classes), t.narrow(1, 0, 1).squeeze(1).to(int64), reduction: reduction.InTorch())
            + 0.5 * nn.functional.mse_loss(p.narrow(1, classes, numbers), t.narrow(1, 1, numbers), reduction.InTorch())
            - 1.75 * nn.functional.huber_loss(p.narrow(1, classes + numbers - 2, 2), t.narrow(1, numbers - 1, 2), 0.25, reduction.InTorch()), finiteDifferences: false);
        if (typeof(T) != typeof(double)) return;
        // The kinks of Huber's second derivative do not matter to a difference quotient of five points as long as they are few.
        GradientCheck.Run((Loss<double>)(object)WithoutKinks(reduction, classes, numbers), Any.Matrix<double>(shape.Rows, classes + numbers + 2, shape.Seed, 2), target.Map(double.CreateChecked, Zeros.Include)).ThrowIfFailed();
    });

    [Fact]
    public void Each_part_adds_up_by_itself_over_batches() => Any.Shapes.ForAll(shape =>
    {
        var (loss, p, t) = TwoHeads(shape.Rows + 2, shape.Seed);
        LossTerm[] whole = new LossTerm[2], sum = new LossTerm[2], part = new LossTerm[2];
        loss.Terms(p, t, whole);
        for (var i = 0; i < p.RowCount; i++)
        {
            loss.Terms(p.SubMatrix(i, 1, 0, p.ColumnCount), t.SubMatrix(i, 1, 0, t.ColumnCount), part);
            for (var h = 0; h < 2; h++) sum[h] += part[h];
        }

        whole[0].Divisor.Should().Be(t.Column(0).Count(y => y != T.CreateChecked(-100)), "ignored samples count nowhere");
        whole[1].Divisor.Should().Be(2 * p.RowCount);
        for (var h = 0; h < 2; h++)
        {
            sum[h].Divisor.Should().Be(whole[h].Divisor);
            sum[h].Sum.Should().BeApproximately(whole[h].Sum, 1e-5 * Math.Abs(whole[h].Sum));
        }

        LossTerm.Total(sum, Reduction.Mean).Should().BeApproximately(double.CreateChecked(loss.Forward(p, t)), 1e-5);
    });

    [Fact]
    public void An_epochs_loss_is_that_of_all_its_samples_whatever_the_batches()
    {
        var (loss, x, y) = TwoHeads(300, 1);
        y.SetSubMatrix(0, 20, 0, 1, Matrix<T>.Build.Dense(20, 1, T.CreateChecked(-100)));   // whole batches without a class
        var expected = double.CreateChecked(loss.Forward(x, y));
        double[] losses =
        [
            .. ((int[])[1, 7, 20, 300]).Select(size =>
            {
                var identity = new Residual<T>(new Linear<T>(x.ColumnCount, x.ColumnCount));
                identity.Parameters.ToList().ForEach(parameter => parameter.Values.Clear());
                var trainer = new Trainer<T>(identity, loss, new SGD<T>(identity.Parameters, 0), new(x, y, size)) { Validation = new(x, y), Metrics = loss.PartMetrics };
                var result = trainer.Fit(1).Epochs[0];
                result.ValidationLoss.Should().BeApproximately(expected, 1e-5);
                result.Metrics.Keys.Should().Equal("kind", "place");
                (result.Metrics["kind"] + 0.25 * result.Metrics["place"]).Should().BeApproximately(expected, 1e-5);
                return result.TrainingLoss;
            }),
        ];
        losses.Should().OnlyContain(value => Math.Abs(value - expected) < 1e-5);
    }

    [Fact]
    public void A_part_in_which_nothing_counts_is_left_out()
    {
        var (loss, p, t) = TwoHeads(4, 1);
        t.SetColumn(0, MathNet.Numerics.LinearAlgebra.Vector<T>.Build.Dense(4, T.CreateChecked(-100)));
        var rest = new CombinedLoss<T>(loss.Parts[1]);
        loss.Forward(p, t).Should().Be(rest.Forward(p, t));
        loss.Backward(p, t).Should().Be(rest.Backward(p, t));
        loss.Divisor(p, t).Should().Be(4);

        var none = new CombinedLoss<T>(loss.Parts[0]);
        T.IsNaN(none.Forward(p, t)).Should().BeTrue("the mean over nothing is NaN");
        none.Backward(p, t).Enumerate().Should().AllBeEquivalentTo(T.Zero);
        none.Divisor(p, t).Should().Be(0);
    }

    [Fact]
    public void A_part_of_weight_0_spoils_nothing()
    {
        var (loss, p, t) = TwoHeads(4, 1);
        var unweighted = new CombinedLoss<T>(new("kind", loss.Parts[0].Loss, ..3, ..1, 0), loss.Parts[1]);
        p[0, 1] = T.NaN;       // of the first sample, whose class is known
        var rest = new CombinedLoss<T>(loss.Parts[1]);
        unweighted.Forward(p, t).Should().Be(rest.Forward(p, t));
        unweighted.Backward(p, t).Should().Be(rest.Backward(p, t));
        LossTerm[] terms = new LossTerm[2];
        unweighted.Terms(p, t, terms);
        terms[0].Sum.Should().Be(0);
        T.IsNaN(loss.Forward(p, t)).Should().BeTrue("with a weight NaN flows");
    }

    [Fact]
    public void It_holds_itself()
    {
        var (loss, p, t) = TwoHeads(5, 3);
        var outer = new CombinedLoss<T>(new("both", loss, .., .., 2), new("more", new MSELoss<T>(), ^2.., ^2..));
        outer.TermCount.Should().Be(3);
        GradientCheck.Run(outer as Loss<double> ?? Double(), p.Map(double.CreateChecked, Zeros.Include), t.Map(double.CreateChecked, Zeros.Include)).ThrowIfFailed();
        var expected = 2 * double.CreateChecked(loss.Forward(p, t)) + double.CreateChecked(new MSELoss<T>().Forward(p.SubMatrix(0, 5, 3, 2), t.SubMatrix(0, 5, 1, 2)));
        double.CreateChecked(outer.Forward(p, t)).Should().BeApproximately(expected, 1e-5);

        static CombinedLoss<double> Double() => new(new("both", CombinedLossTests<double>.TwoHeads(5, 3).Loss, .., .., 2), new("more", new MSELoss<double>(), ^2.., ^2..));
    }

    [Fact]
    public void Threads_do_not_meet_and_a_steady_step_allocates_nothing()
    {
        var (loss, p, t) = TwoHeads(33, 1);
        var (value, gradient) = (loss.Forward(p, t), loss.Backward(p, t));
        Parallel.For(0, 50, _ =>
        {
            loss.Forward(p, t).Should().Be(value);
            loss.Backward(p, t).Should().Be(gradient);
        });
        var (_, pLast, tLast) = TwoHeads(5, 2);
        var (dP, dLast, terms) = (p.Clone(), pLast.Clone(), new LossTerm[2]);
        for (var i = 0; i < 3; i++) Epoch();
        Allocation.Least(Epoch).Should().Be(0);

        void Epoch()
        {
            Step(p, t, dP);
            Step(pLast, tLast, dLast);
        }

        // Each call leaves what it worked in for the next one.
        void Step(Matrix<T> prediction, Matrix<T> target, Matrix<T> gradient)
        {
            loss.Forward(prediction, target);
            loss.Backward(prediction, target, gradient);
            loss.ForwardBackward(prediction, target, gradient);
            loss.Terms(prediction, target, terms);
            loss.Divisor(prediction, target);
            loss.Backward(prediction, target, gradient);
        }
    }

    /// <summary>Three classes, some of them ignored, and two numbers.</summary>
    internal static (CombinedLoss<T> Loss, Matrix<T> Prediction, Matrix<T> Target) TwoHeads(int rows, int seed) => (
        new(new("kind", new CrossEntropyLoss<T>(), 0..3, 0..1), new("place", new MSELoss<T>(), 3..5, 1..3, 0.25)),
        Any.Matrix<T>(rows, 5, seed), LossCases.Classes<T>(rows, 3, seed, -100).Append(Any.Matrix<T>(rows, 2, seed + 1)));

    private static CombinedLoss<T> WithoutKinks(Reduction reduction, int classes, int numbers) => new(
        new("kind", new CrossEntropyLoss<T>(reduction: reduction), ..classes, ..1), new("numbers", new MSELoss<T>(reduction), classes..(classes + numbers), 1.., 0.5),
        new("again", new MSELoss<T>(reduction), (classes + numbers - 2)..^2, ^2.., -1.75));
}

public sealed class CombinedLossDoubleTests : CombinedLossTests<double>
{
    [Fact]
    public void It_writes_itself()
    {
        var (loss, _, _) = TwoHeads(2, 1);
        $"{loss}".Should().Be("CombinedLoss(kind: CrossEntropyLoss(), place: 0.25 MSELoss())");
        loss.Reduction.Should().Be(Reduction.Mean);
        loss.Formula.Should().StartWith("L = ");
        $"{loss.Parts[1].Prediction}".Should().Be("3..5");
        $"{new LossTerm(12.5, 4) + new LossTerm(-1, 0)}".Should().Be("11.5 / 4");
        loss.PartMetrics.Should().OnlyContain(metric => !metric.GreaterIsBetter);
    }

    [Fact]
    public void Bad_input_is_named_with_its_part()
    {
        var (loss, p, t) = TwoHeads(4, 1);
        Refused(() => loss.Forward(p.SubMatrix(0, 4, 0, 4), t), "CombinedLoss(kind: CrossEntropyLoss(), place: 0.25 MSELoss()) expects prediction with the columns 3..5 for \"place\", but it is 4x4. (Parameter 'prediction')");
        Refused(() => loss.Forward(p, t.SubMatrix(0, 4, 0, 2)), "* expects target with the columns 1..3 for \"place\", but it is 4x2. (Parameter 'target')");
        Refused(() => loss.Forward(p, t.SubMatrix(0, 3, 0, 3)), "* expects a target for each prediction, but prediction is 4x5 and target is 3x3. (Parameter 'target')");
        t[2, 0] = 7;
        var dP = Matrix<double>.Build.Dense(4, 5, 1);
        Refused(() => loss.Backward(p, t, dP), "kind: CrossEntropyLoss() expects classes 0 to 2, or -100 to ignore a sample, but target has 7 for sample 2. (Parameter 'target')");
        dP.Enumerate().Should().AllBeEquivalentTo(1.0, "nothing is changed");
        Refused(() => new CombinedLoss<double>(), "CombinedLoss expects at least one part, but there is none. (Parameter 'parts')");
        Refused(() => new CombinedLoss<double>(loss.Parts[0], loss.Parts[0]), "CombinedLoss expects parts of different names, but they are kind, kind. (Parameter 'parts')");
        Refused(() => new CombinedLoss<double>(loss.Parts[0], new("b", new MSELoss<double>(Reduction.Sum), 0..1, 0..1)), "CombinedLoss expects losses that are all means or all sums, but kind is a Mean and b is a Sum. (Parameter 'parts')");
        Refused(() => new LossPart<double>("b", new MSELoss<double>(), 2..2, 0..1), "LossPart(b) expects prediction to hold at least one column, but it is 2..2. (Parameter 'prediction')");
        Refused(() => new LossPart<double>("b", new MSELoss<double>(), 0..1, ^1..^1), "LossPart(b) expects target to hold at least one column, but it is ^1..^1. (Parameter 'target')");
        Refused(() => new LossPart<double>("b", new MSELoss<double>(), 0..1, 0..1, double.NaN), "LossPart(b) expects weight to be finite, but it is NaN. (Parameter 'weight')");
        Refused(() => { loss.Terms(p, t, new LossTerm[1]); return 0; }, "* expects room for 2 terms, but there is room for 1. (Parameter 'terms')");
        Refused(() => new ColumnsMetric<double>("m", new Accuracy<double>(), 3..6, 0..1).Of(p, t), "m expects prediction with the columns 3..6 for \"accuracy\", but it is 4x5. (Parameter 'prediction')");
        var unreduced = () => loss.Unreduced(p, TwoHeads(4, 1).Target);
        unreduced.Should().Throw<NotSupportedException>();

        static void Refused(Func<object> act, string message) => act.Should().Throw<ArgumentException>().WithMessage(message);
    }

    [Fact]
    public void A_training_goes_on_in_mid_epoch_and_other_weights_are_refused()
    {
        var (whole, part) = (Build(0.25), Build(0.25));
        whole.Fit(3);
        var checkpoint = new MemoryStream();
        part.Fit(3, progress =>
        {
            if (progress.Moment != TrainingMoment.BatchEnd || part.Epoch != 1 || part.Batch != 2) return;
            part.SaveCheckpoint(checkpoint);
            part.Stop();
        });
        var resumed = Build(0.25);
        resumed.LoadCheckpoint(new MemoryStream(checkpoint.ToArray()));
        resumed.Fit(3);
        Runs.Bits(resumed).Should().Be(Runs.Bits(whole));
        resumed.History.Epochs.Select(epoch => epoch.TrainingLoss).Should().Equal(whole.History.Epochs.Select(epoch => epoch.TrainingLoss));

        var other = () => Build(0.5).LoadCheckpoint(new MemoryStream(checkpoint.ToArray()));
        other.Should().Throw<InvalidDataException>().WithMessage("*loss weights: [1, 0.25] there, [1, 0.5] here*");
        var inner = () => Build(0.25, 0.5).LoadCheckpoint(new MemoryStream(checkpoint.ToArray()));
        inner.Should().Throw<InvalidDataException>().WithMessage("*loss losses.1 delta: 1 there, 0.5 here*");

        static Trainer<double> Build(double weight, double delta = 1)
        {
            var (_, x, y) = TwoHeads(23, 1);
            var model = new Linear<double>(5, 5, generator: new Generator(1));
            var loss = new CombinedLoss<double>(new("kind", new CrossEntropyLoss<double>(), 0..3, 0..1), new("place", new HuberLoss<double>(delta: delta), 3..5, 1..3, weight));
            return new(model, loss, new Adam<double>(model.Parameters, 0.01), new(new Samples<double>(x, y), 5, new Generator(2)))
            {
                Validation = new(x, y),
                Metrics = [.. loss.PartMetrics, new ColumnsMetric<double>("place_mae", new MeanAbsoluteError<double>(), 3..5, 1..3), new LossMetric<double>("again", loss)],
            };
        }
    }

    [Fact]
    public void Its_columns_are_settings_and_a_range_that_holds_none_is_refused()
    {
        static CombinedLoss<double> Loss(Range prediction, Range target) => new(new LossPart<double>("one", new MSELoss<double>(), prediction, target));
        Settings.Of(Loss(0..1, 0..1)).Should().NotEqual(Settings.Of(Loss(0..1, 1..2)));
        Settings.Of(Loss(0..1, 0..1)).Should().NotEqual(Settings.Of(Loss(1..2, 0..1)));
        Settings.Of(Loss(0..1, 0..1)).Should().Equal(Settings.Of(Loss(0..1, 0..1)));
        var x = Any.Matrix<double>(2, 4, 1);
        var forward = () => Loss(3..^1, 0..1).Forward(x, x);
        forward.Should().Throw<ArgumentException>().WithMessage("CombinedLoss(*) expects prediction with the columns 3..^1 for \"one\", but it is 2x4. (Parameter 'prediction')");
    }

    [Fact]
    public void A_mean_over_nothing_is_no_number_and_a_sum_over_nothing_is_0()
    {
        LossTerm.Total([new(0, 0), new(0, 0)], Reduction.Mean).Should().Be(double.NaN);
        LossTerm.Total([new(0, 0)], Reduction.Sum).Should().Be(0);
        LossTerm.Total([new(0, 0), new(6, 3)], Reduction.Mean).Should().Be(2);
    }

    [Fact]
    public void A_history_has_each_part_of_the_training_loss_without_its_weight()
    {
        // Of a model that stands still, what the parts come to is what their metrics say of the same samples, whatever the batches.
        var (_, x, y) = TwoHeads(23, 1);
        y[2, 0] = y[9, 0] = -100;
        var identity = new Linear<double>(5, 5, generator: new Generator(1));
        var inner = new CombinedLoss<double>(new("left", new MSELoss<double>(), 0..1, 0..1, 3), new("right", new HuberLoss<double>(), 1..2, 1..2));
        var loss = new CombinedLoss<double>(new("kind", new CrossEntropyLoss<double>(), 0..3, 0..1, 0.5), new("place", inner, 3..5, 1..3, -2), new("none", new MSELoss<double>(), 3..4, 1..2, 0));
        Trainer<double> New() => new(identity, loss, new SGD<double>(identity.Parameters, 0), new(x, y, 5)) { Validation = new(x, y), Metrics = loss.PartMetrics };
        var trainer = New();
        var epoch = trainer.Fit(1).Epochs[0];
        epoch.TrainingParts.Keys.Should().Equal("kind", "place", "place.left", "place.right");
        epoch.TrainingParts["kind"].Should().BeApproximately(epoch.Metrics["kind"], 1e-14);
        epoch.TrainingParts["place"].Should().BeApproximately(epoch.Metrics["place"], 1e-14).And.BeApproximately(3 * epoch.TrainingParts["place.left"] + epoch.TrainingParts["place.right"], 1e-14);
        (0.5 * epoch.TrainingParts["kind"] - 2 * epoch.TrainingParts["place"]).Should().BeApproximately(epoch.TrainingLoss, 1e-14);
        $"{epoch}".Should().Contain($" (kind {epoch.TrainingParts["kind"].ToString("G6", System.Globalization.CultureInfo.InvariantCulture)}, place ");

        using var csv = new StringWriter(System.Globalization.CultureInfo.InvariantCulture);
        trainer.History.WriteCsv(csv);
        csv.ToString().Should().StartWith("epoch,learning_rate,training_loss,validation_loss,kind,place,none,training_loss.kind,training_loss.place,training_loss.place.left,training_loss.place.right\n");
        csv.ToString().Split('\n')[1].Split(',')[^1].Should().Be(epoch.TrainingParts["place.right"].ToString("R", System.Globalization.CultureInfo.InvariantCulture));

        using var checkpoint = new MemoryStream();
        trainer.SaveCheckpoint(checkpoint);
        checkpoint.Position = 0;
        var resumed = New();
        resumed.LoadCheckpoint(checkpoint);
        resumed.History.Epochs[0].TrainingParts.Should().Equal(epoch.TrainingParts);
        new MSELoss<double>().PartsOf([new(1, 2)]).Should().BeEmpty();
        ((Action)(() => loss.PartsOf([new(1, 2)]))).Should().Throw<ArgumentException>().WithMessage("CombinedLoss(*) expects room for 4 terms, but there is room for 1.*");
    }

    [Fact]
    public void The_gradient_check_finds_terms_that_do_not_make_the_loss()
    {
        var (_, p, t) = TwoHeads(6, 1);
        GradientCheck.Run(new Doubled(wrong: false), p, p + 1).ThrowIfFailed();
        GradientCheck.Run(new Doubled(wrong: true), p, p + 1).Problems.Should().ContainSingle().Which.Should().Match("The loss is *, but its terms make *: override TermsCore with what the loss is the sum of.");
    }

    /// <summary>A user's loss of two terms: the mean square, twice.</summary>
    private sealed class Doubled(bool wrong) : Loss<double>
    {
        private readonly MSELoss<double> _loss = new();

        public override int TermCount => 2;

        protected override double ForwardCore(Matrix<double> prediction, Matrix<double> target) => 2 * _loss.Forward(prediction, target);

        protected override void BackwardCore(Matrix<double> prediction, Matrix<double> target, Matrix<double> dPrediction) => (_loss.Backward(prediction, target) * 2).CopyTo(dPrediction);

        protected override void TermsCore(Matrix<double> prediction, Matrix<double> target, Span<LossTerm> terms)
        {
            _loss.Terms(prediction, target, terms[..1]);
            terms[1] = wrong ? default : terms[0];
        }
    }
}

public sealed class CombinedLossSingleTests : CombinedLossTests<float>;
