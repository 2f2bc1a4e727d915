using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;

namespace Backprop.Tests;

public abstract class FreezeTests<T> where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
{
    public static TheoryData<string, Func<Layer<T>>> Layers => new()
    {
        { "Linear", () => new Linear<T>(5, 3, generator: new(1)) },
        { "PReLU", () => new PReLU<T>(5) },
        { "LayerNorm", () => new LayerNorm<T>(5) },
        { "RMSNorm", () => new RMSNorm<T>(5) },
        { "BatchNorm1d", () => new BatchNorm1d<T>(5) },
        { "Embedding", () => new Embedding<T>(9, 2, generator: new(1)) },
        { "Sequential", () => new Sequential<T>(new Linear<T>(5, 4, generator: new(1)), new Sigmoid<T>(), new Linear<T>(4, 2, generator: new(2))) },
        { "Residual", () => new Residual<T>(new Sequential<T>(new Linear<T>(5, 5, generator: new(1)), new Tanh<T>())) },
    };

    private static Matrix<T> Input(Layer<T> layer) => layer is Embedding<T> ? Matrix<T>.Build.Dense(7, 5, (i, j) => T.CreateChecked((3 * i + j) % 9)) : Any.Matrix<T>(7, 5, 11);

    [Theory]
    [MemberData(nameof(Layers))]
    public void A_frozen_layer_gets_no_gradient_and_passes_the_same_one_on(string name, Func<Layer<T>> make)
    {
        var (layer, free) = (make(), make());
        var x = Input(layer);
        layer.Freeze();
        layer.Parameters.Should().OnlyContain(parameter => parameter.Frozen, name);
        // A frozen BatchNorm computes as in evaluation.
        var (pass, other) = (layer.NewPass(), free.NewPass(training: layer is not BatchNorm1d<T>));
        var (y, expected) = (layer.Forward(x, pass), free.Forward(x, other));
        Bits(y).Should().Equal(Bits(expected));
        var dY = Any.Matrix<T>(y.RowCount, y.ColumnCount, 12);
        Bits(layer.Backward(pass, dY)).Should().Equal(Bits(free.Backward(other, dY)));
        layer.AccumulateGradients(pass, dY);
        foreach (var parameter in layer.Parameters) parameter.Gradients.ToArray().All(T.IsZero).Should().BeTrue();

        layer.Unfreeze();
        var again = layer.NewPass(training: layer is not BatchNorm1d<T>);
        layer.Forward(x, again);
        layer.Backward(again, dY);
        foreach (var (one, two) in layer.Parameters.Zip(free.Parameters)) one.Gradients.ToArray().Should().Equal(two.Gradients.ToArray());
    }

    [Fact]
    public void A_frozen_branch_is_not_asked_for_what_nobody_needs_and_one_that_gives_it_does_no_harm()
    {
        foreach (var branches in (Func<Layer<T>[], Layer<T>>[])[layers => new Sum<T>(layers), layers => new Concat<T>(layers)])
        {
            // Dropout with nothing to drop returns dY, needed or not.
            Layer<T> frozen = new Linear<T>(5, 5, generator: new(1)), free = new Linear<T>(5, 5, generator: new(2)), through = new Dropout<T>(0);
            frozen.Freeze();
            var layer = branches([through, frozen, free]);
            var pass = layer.NewPass();
            var y = layer.Forward(Any.Matrix<T>(7, 5, 11), pass);
            layer.AccumulateGradients(pass, Any.Matrix<T>(7, y.ColumnCount, 12));
            (pass.Steps[1].OutputGradient, pass.Steps[0].OutputGradient).Should().Be((null, null));
            pass.Steps[2].OutputGradient.Should().NotBeNull();
            free.Parameters[0].Gradients.ToArray().Any(gradient => !T.IsZero(gradient)).Should().BeTrue();
            layer.Backward(pass, Any.Matrix<T>(7, y.ColumnCount, 12)).Should().NotBeNull();
            pass.Steps[1].OutputGradient.Should().NotBeNull();

            var learning = branches([new Sequential<T>(through, new Sequential<T>(), new PReLU<T>(), through), free]);
            var other = learning.NewPass();
            y = learning.Forward(Any.Matrix<T>(7, 5, 11), other);
            learning.AccumulateGradients(other, Any.Matrix<T>(7, y.ColumnCount, 12));
            foreach (var parameter in learning.Parameters) parameter.Gradients.ToArray().Any(gradient => !T.IsZero(gradient)).Should().BeTrue($"{parameter}");

            // And a layer of one's own may give it where it learns.
            var giving = branches([new Giving(), free]);
            var given = giving.NewPass();
            y = giving.Forward(Any.Matrix<T>(7, 5, 11), given);
            giving.AccumulateGradients(given, Any.Matrix<T>(7, y.ColumnCount, 12));
            given.InputGradient.Should().BeNull();
        }
    }

    /// <summary>y = x, which returns dL/dX whether it is needed or not.</summary>
    private sealed class Giving : Layer<T>
    {
        public Giving() => Register(new VectorParameter<T>("unused", 1));

        protected override Matrix<T> ForwardCore(Matrix<T> x, ForwardPass<T> pass)
        {
            var y = pass.NewOutput(x.RowCount, x.ColumnCount);
            x.CopyTo(y);
            return y;
        }

        protected override Matrix<T> BackwardCore(ForwardPass<T> pass, Matrix<T> dY)
        {
            var dX = pass.NewInputGradient();
            dY.CopyTo(dX);
            return dX;
        }
    }

    [Theory]
    [MemberData(nameof(Layers))]
    public void The_gradient_check_checks_what_is_frozen_and_leaves_it_so(string name, Func<Layer<T>> make)
    {
        if (typeof(T) != typeof(double)) return;
        var layer = (Layer<double>)(object)make();
        layer.Freeze();
        var report = GradientCheck.Run(layer, (Matrix<double>)(object)Input((Layer<T>)(object)layer), checkInput: name != "Embedding");
        report.Passed.Should().BeTrue($"{report}");
        report.Comparisons.Count.Should().BeGreaterThanOrEqualTo(layer.Parameters.Count);
        layer.Parameters.Should().OnlyContain(parameter => parameter.Frozen);
        layer.NamedBuffers().All(named => named.Buffer.Frozen).Should().BeTrue();
    }

    [Fact]
    public void Nothing_goes_back_beyond_the_first_layer_that_learns()
    {
        var model = new Sequential<T>
        {
            { "a", new Linear<T>(5, 4, generator: new(1)) },
            { "b", new Sigmoid<T>() },
            { "c", new Linear<T>(4, 4, generator: new(2)) },
            { "d", new Linear<T>(4, 2, generator: new(3)) },
        };
        var pass = model.NewPass();
        var x = Any.Matrix<T>(6, 5, 1);
        var dY = Any.Matrix<T>(6, 2, 2);

        void Step()
        {
            model.Forward(x, pass);
            model.AccumulateGradients(pass, dY);
        }

        Step();
        string Reached() => string.Concat(pass.Steps.Select((step, i) => step.OutputGradient is null ? "" : model.Children[i].Name));
        Reached().Should().Be("abcd");
        pass.Learns.Should().BeTrue();
        model["a"].Freeze();
        Step();
        Reached().Should().Be("cd");
        pass["c"].NeedsInputGradient.Should().BeFalse("nobody before it learns");
        model["c"].Freeze();
        Step();
        Reached().Should().Be("d");
        model["a"].Parameters[1].Frozen = false;
        Step();
        Reached().Should().Be("abcd");
        model.Freeze();
        Step();
        (Reached(), pass.Learns).Should().Be(("", false));
        model.Backward(pass, dY).RowCount.Should().Be(6, "whoever asks for dL/dX gets it");
        Reached().Should().Be("abcd");
        Allocation.Least(Step).Should().Be(0);
    }

    [Fact]
    public void A_frozen_BatchNorm_keeps_its_statistics_and_takes_a_batch_of_one()
    {
        foreach (var freeze in (Action<BatchNorm1d<T>>[])[norm => norm.Freeze(), norm => (norm.Weight!.Frozen, norm.Bias!.Frozen) = (true, true), norm => norm.RunningMean!.Frozen = true])
        {
            var norm = new BatchNorm1d<T>(5);
            norm.Forward(Any.Matrix<T>(9, 5, 1), norm.NewPass());
            freeze(norm);
            var before = Runs.Model(norm);
            norm.MinTrainingRows.Should().Be(1);
            var (x, pass) = (Any.Matrix<T>(1, 5, 2), norm.NewPass());
            Bits(norm.Forward(x, pass)).Should().Equal(Bits(norm.Forward(x)));
            Runs.Model(norm).Should().Be(before);
            // The statistics that a pass went through with are those that it goes back through.
            norm.Unfreeze();
            var dX = norm.Backward(pass, x);
            for (var j = 0; j < 5; j++)
            {
                var r = 1 / Math.Sqrt(double.CreateChecked(norm.RunningVar!.Values[j]) + 1e-5);
                double.CreateChecked(dX[0, j]).Should().BeApproximately(double.CreateChecked(x[0, j]) * r, 1e-6);
            }

            norm.MinTrainingRows.Should().Be(2);
            norm.Forward(Any.Matrix<T>(9, 5, 1), norm.NewPass());
            Runs.Model(norm).Should().NotBe(before);
        }

        var alone = new BatchNorm1d<T>(5, affine: false);
        alone.Freeze();
        alone.MinTrainingRows.Should().Be(1);
        var none = new BatchNorm1d<T>(5, trackRunningStats: false);
        none.Freeze();
        none.MinTrainingRows.Should().Be(2, "it has no statistics but the batch's");
    }

    [Fact]
    public void A_tied_parameter_is_frozen_wherever_it_stands_and_dropout_still_drops()
    {
        var first = new Linear<T>(4, 4, generator: new(1));
        var model = new Sequential<T> { { "first", first }, { "dropout", new Dropout<T>(0.5, new Generator(5)) }, { "second", new Linear<T>(first.Weight) } };
        model["first"].Freeze();
        ((Linear<T>)model["second"]).Weight.Frozen.Should().BeTrue();
        var pass = model.NewPass();
        model.Freeze();
        model.Forward(Any.Matrix<T>(8, 4, 1), pass);
        Bits(pass["dropout"].Output).Should().Contain(T.Zero);
    }

    [Fact]
    public void Freezing_and_unfreezing_in_callbacks_goes_into_the_checkpoint()
    {
        static void Act(Trainer<T> trainer)
        {
            if (trainer.Epoch == 0 && trainer.Batch == 2) trainer.Model.Children[0].Layer.Freeze();
            if (trainer.Epoch == 1 && trainer.Batch == 1) trainer.Model.Children[1].Layer.Freeze();
            if (trainer.Epoch == 2 && trainer.Batch == 3) trainer.Model.Unfreeze();
        }

        var settings = new Runs.Settings(BatchNorm: true, Epochs: 4);
        var uninterrupted = Runs.Build<T>(settings);
        var files = new List<byte[]>();
        uninterrupted.Fit(4, _ =>
        {
            Act(uninterrupted);
            using var file = new MemoryStream();
            uninterrupted.SaveCheckpoint(file);
            files.Add(file.ToArray());
        });
        for (var i = 0; i < files.Count; i++)
        {
            var trainer = Runs.Build<T>(settings);
            if (i % 3 == 0) trainer.Model.Freeze();     // whatever was frozen before does not matter
            using var file = new MemoryStream(files[i]);
            trainer.LoadCheckpoint(file);
            trainer.Fit(4, _ => Act(trainer));
            Runs.Bits(trainer).Should().Be(Runs.Bits(uninterrupted), $"of file {i}");
        }
    }

    [Fact]
    public void A_parameter_that_is_unfrozen_and_not_in_the_optimizer_is_named()
    {
        var model = new Sequential<T> { { "hidden", new Linear<T>(Runs.Features, 4) }, { "output", new Linear<T>(4, Runs.Classes) } };
        model["hidden"].Freeze();
        var trainer = new Trainer<T>(model, new CrossEntropyLoss<T>(), new SGD<T>(model["output"].Parameters, 0.1), new(Runs.Samples<T>(20, 1), 5));
        trainer.Fit(1);
        var fit = () => trainer.Fit(3, progress =>
        {
            if (trainer.Batch == 2) model.Unfreeze();
        });
        fit.Should().Throw<InvalidOperationException>().WithMessage("Trainer expects an optimizer of all the model's parameters, but SGD lacks hidden.weight, hidden.bias.*");
        (trainer.Epoch, trainer.Batch).Should().Be((1, 2));
    }

    private static T[] Bits(Matrix<T> matrix) => matrix.ToColumnMajorArray();
}

public sealed class FreezeDoubleTests : FreezeTests<double>;

public sealed class FreezeSingleTests : FreezeTests<float>;
