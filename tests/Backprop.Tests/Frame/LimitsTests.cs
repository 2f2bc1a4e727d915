using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;

namespace Backprop.Tests;

/// <summary>What would overwrite itself, never end, or end the process.</summary>
public class LimitsTests
{
    private static readonly Matrix<double> X = Any.Matrix<double>(4, 3, 1), DY = Any.Matrix<double>(4, 3, 2);

    private static Sequential<double> Network() => new()
    {
        { "a", new Linear<double>(3, 3, generator: new Generator(1)) }, { "t", new Tanh<double>() }, { "b", new Linear<double>(3, 3, generator: new Generator(2)) },
    };

    [Fact]
    public void A_matrix_of_a_step_is_no_input_and_no_gradient_of_the_same_pass()
    {
        foreach (var training in (bool[])[true, false])
        {
            var model = Network();
            var pass = model.NewPass(training);
            model.Forward(X, pass);
            model.Backward(pass, DY);
            var before = pass["t"].Output.Clone();
            foreach (var inner in (Matrix<double>[])[pass["t"].Output, pass["a"].Output, pass["t"].InputGradient!, pass["b"].InputGradient!])
            {
                var forward = () => model.Forward(inner, pass);
                forward.Should().Throw<ArgumentException>().WithMessage("Sequential(*) expects x apart from what lies in the same pass, but it is a matrix of one of its steps, which would be overwritten; copy it with Clone(). (Parameter 'x')");
            }

            pass["t"].Output.Should().Be(before, "nothing was overwritten");
            foreach (var inner in (Matrix<double>[])[pass["t"].InputGradient!, pass["b"].InputGradient!])
            {
                var backward = () => model.Backward(pass, inner);
                backward.Should().Throw<ArgumentException>().WithMessage("Sequential(*) expects dY apart from what lies in the same pass,*(Parameter 'dY')");
            }

            model.Backward(pass, pass.Output);      // of L = y²/2
            if (!training) model.Forward(model.Forward(X, pass), pass);
        }
    }

    [Fact]
    public void What_a_backward_pass_adds_to_is_no_operand()
    {
        var linear = new Linear<double>(2, 2, bias: false, generator: new Generator(1));
        var pass = linear.NewPass();
        var x = Matrix<double>.Build.DenseOfArray(new double[,] { { 1, 2 }, { 3, 4 } });
        linear.Forward(x, pass);
        var backward = () => linear.Backward(pass, linear.Weight.Gradient);
        backward.Should().Throw<ArgumentException>().WithMessage("Linear(2 -> 2, no bias) expects dY apart from its gradients, but it shares its entries with that of weight (2, 2), which the backward pass adds to. (Parameter 'dY')");
        var forward = () => linear.Forward(linear.Weight.Gradient, pass);
        forward.Should().Throw<ArgumentException>().WithMessage("*expects x apart from its gradients*(Parameter 'x')");
        linear.Forward(linear.Weight.Value, pass).Should().NotBeNull("values are only read");
    }

    [Fact]
    public void A_network_without_end_is_refused_wherever_it_is_walked()
    {
        var top = new Sequential<double>();
        for (var (i, at) = (0, top); i < 50_000; i++)
        {
            var next = new Sequential<double>();
            at.Add(next);
            at = next;
        }

        foreach (var walk in (Action[])[() => _ = top.MinTrainingRows, () => _ = top.Parameters, () => top.NewPass(), () => top.Freeze(), () => new Sequential<double>().Add(top), () => top.Save(Stream.Null)])
            walk.Should().Throw<InvalidOperationException>().WithMessage("Sequential holds more than 200 levels of layers within each other, which is too deep for a thread's stack.");
    }

    [Fact]
    public void A_layer_that_stands_in_very_many_places_is_refused_and_not_counted_one_by_one()
    {
        Layer<double> shared = new Linear<double>(2, 2);
        var grow = () =>
        {
            for (var i = 0; i < 30; i++) shared = new Sequential<double>(shared, shared);
        };
        grow.Should().Throw<InvalidOperationException>().WithMessage("Sequential holds layers in more than 131072 places; a layer that stands in several counts in each.");

        // From the outside in, where no layer sees how much it comes to.
        var levels = Enumerable.Range(0, 40).Select(_ => new Sequential<double>()).ToArray();
        for (var i = 1; i < levels.Length; i++)
        {
            levels[i - 1].Add(levels[i]);
            levels[i - 1].Add(levels[i]);
        }

        foreach (var walk in (Action[])[() => _ = levels[0].Parameters, () => levels[0].NewPass(), () => _ = levels[0].MinTrainingRows, () => levels[0].Unfreeze()])
            walk.Should().Throw<InvalidOperationException>().WithMessage("*in more than 131072 places*");
    }

    private sealed class Again(IEnumerable<Parameter<double>> parameters) : ParameterGroup<double>(parameters, 0.1)
    {
        protected override void Update(UpdateStep<double> step) => Step();
    }

    private sealed class AskItself : Metric<double>
    {
        public override string Name => "itself";

        protected override double Measure(Matrix<double> prediction, Matrix<double> target) => Of(prediction, target);
    }

    private sealed class LossOfItself : Loss<double>
    {
        protected override double ForwardCore(Matrix<double> prediction, Matrix<double> target) => Forward(prediction, target);

        protected override void BackwardCore(Matrix<double> prediction, Matrix<double> target, Matrix<double> dPrediction) => Backward(prediction, target);
    }

    private sealed class StepsItself(Optimizer optimizer) : LRScheduler(optimizer)
    {
        protected override double Next(int epoch, double rate, double initial)
        {
            Step();
            return rate;
        }
    }

    [Fact]
    public void Whoever_calls_itself_is_told()
    {
        var linear = new Linear<double>(3, 3);
        var before = Runs.Model(linear);
        var group = new Again(linear.Parameters);
        group.Invoking(g => g.Step()).Should().Throw<InvalidOperationException>().WithMessage("Again is in a step already: its Update cannot take another.");
        (Runs.Model(linear), group.StepCount(linear.Weight)).Should().Be((before, 0));
        var scheduler = new StepsItself(new SGD<double>(linear.Parameters));
        scheduler.Invoking(s => s.Step()).Should().Throw<InvalidOperationException>().WithMessage("StepsItself is in a step already, and cannot take another.");
        scheduler.Epoch.Should().Be(0);
        new AskItself().Invoking(m => m.Of(X, DY)).Should().Throw<InsufficientExecutionStackException>();
        new LossOfItself().Invoking(l => l.Forward(X, DY)).Should().Throw<InsufficientExecutionStackException>();
        new LossOfItself().Invoking(l => l.Backward(X, DY)).Should().Throw<InsufficientExecutionStackException>();
    }

    [Fact]
    public void Lists_are_there_to_be_read()
    {
        var model = Network();
        var adam = new Adam<double>(model.Parameters);
        var loss = new CrossEntropyLoss<double>(weight: Vector<double>.Build.Dense(3, 1));
        var pass = model.NewPass();
        foreach (var list in (object[])[model.Children, model.Parameters, pass.Steps, adam.Parameters, adam.Groups, adam.Groups[0].Parameters, ((Linear<double>)model["a"]).Weight.Shape, new BatchNorm1d<double>(3).RunningMean!.Shape, loss.Weight!])
            list.Should().BeAssignableTo<System.Collections.IList>().Which.IsReadOnly.Should().BeTrue($"{list}");
        foreach (var list in (object[])[model.Parameters, pass.Steps, adam.Parameters, adam.Groups, ((Linear<double>)model["a"]).Weight.Shape, loss.Weight!])
            list.Should().NotBeAssignableTo<Array>();
    }

    [Fact]
    public void A_path_is_said_once()
    {
        var inner = new Sequential<double> { { "c", new Twice(new Linear<double>(3, 3)) } };
        var model = new Sequential<double> { { "outer", inner } };
        var forward = () => model.Forward(X, model.NewPass());
        forward.Should().Throw<ArgumentException>().Which.Message.Should().StartWith("outer.c.f: Linear(3 -> 3) was given x, its own output in the same pass");
    }

    private sealed class Twice : Layer<double>
    {
        public Twice(Layer<double> f) => Register("f", f);

        protected override Matrix<double> ForwardCore(Matrix<double> x, ForwardPass<double> pass) => pass.Steps[0].Forward(pass.Steps[0].Forward(x));

        protected override Matrix<double>? BackwardCore(ForwardPass<double> pass, Matrix<double> dY) => pass.Steps[0].Backward(dY);
    }

    [Fact]
    public void A_callback_may_let_the_model_grow()
    {
        var model = new Sequential<double> { { "hidden", new Linear<double>(Runs.Features, Runs.Classes) } };
        var sgd = new SGD<double>(model.Parameters, 0.1);
        var trainer = new Trainer<double>(model, new CrossEntropyLoss<double>(), sgd, new(Runs.Samples<double>(20, 1), 5));
        trainer.Fit(2, _ =>
        {
            if (trainer is not { Epoch: 0, Batch: 2 }) return;
            model.Add("more", new Linear<double>(Runs.Classes, Runs.Classes));
            sgd.AddGroup(new SGDGroup<double>(model["more"].Parameters) { LearningRate = 0.1 });
        });
        trainer.Pass.Steps.Should().HaveCount(2);
    }

    [Fact]
    public void What_has_no_name_or_no_room_is_refused()
    {
        var model = Network();
        Trainer<double> Trainer(Metric<double> metric) => new(model, new MSELoss<double>(), new SGD<double>(model.Parameters), new(new Samples<double>(X, DY), 2)) { Metrics = [metric] };
        FluentActions.Invoking(() => Trainer(null!)).Should().Throw<ArgumentNullException>().WithMessage("Trainer expects metrics that have names, but one is null.*");
        FluentActions.Invoking(() => Trainer(new Nameless())).Should().Throw<ArgumentNullException>().WithMessage("Trainer expects metrics that have names, but the name of a Nameless is null.*");
        FluentActions.Invoking(() => new MatrixBuffer<double>("mask", 65536, 65536)).Should().Throw<ArgumentOutOfRangeException>().WithMessage("mask expects at most * values, but is 65536x65536.*");
        if (!OperatingSystem.IsWindows()) FluentActions.Invoking(() => model.Save("/dev/null")).Should().Throw<IOException>().WithMessage("/dev/null could not be written: it is a device and no file.*");
    }

    private sealed class Nameless : Metric<double>
    {
        public override string Name => null!;

        protected override double Measure(Matrix<double> prediction, Matrix<double> target) => 0;
    }
}
