using System.Numerics;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;
using static TorchSharp.torch;

namespace Backprop.Tests;

public abstract class RecurrentTests<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    public static TheoryData<string> Kinds => ["RNN", "RNN, ReLU", "GRU", "LSTM"];

    public static TheoryData<string, int, int, bool> KindsAndSizes => new(
        from kind in (string[])["RNN", "RNN, ReLU", "GRU", "LSTM"]
        from sizes in ((int, int, bool)[])[(37, 3, true), (37, 3, false), (160, 2, false), (5, 24, false)]
        select (kind, sizes.Item1, sizes.Item2, sizes.Item3));

    private static readonly RecurrentCase Some = new("LSTM", 3, 4, 2, 5, 2, true, true, true, 11);

    [NeedsTorch]
    [Theory, MemberData(nameof(Kinds))]
    public void Gradients_agree_with_PyTorch_and_finite_differences(string kind) => RecurrentCase.Any.ForAll(any =>
    {
        var c = any with { Kind = kind, HasLengths = false };
        Proof.Layer(c.Make<T>(), Any.Matrix<T>(c.Rows, c.Inputs, c.Seed), (x, p) => RecurrentTwin.Formula(c, x, p), c.Seed, training: c.Seed % 2 == 0, finiteDifferences: c.Rows <= 8 && kind != "RNN, ReLU");
    }, 60);

    [NeedsTorch]
    [Theory, MemberData(nameof(Kinds))]
    public void Gradients_with_lengths_agree_too(string kind) => RecurrentCase.Any.ForAll(any =>
    {
        var c = any with { Kind = kind, HasLengths = true };
        Proof.Layer(new WithLengths<T>(c.Make<T>(), c.Steps, c.LengthsOf), Any.Matrix<T>(c.Rows, c.Inputs, c.Seed), (x, p) => RecurrentTwin.Formula(c, x, p, "layer."), c.Seed,
            finiteDifferences: c.Rows <= 8 && kind != "RNN, ReLU");
    }, 60);

    /// <summary>The modules themselves: outputs, final states, and every gradient from both of them, of states too.</summary>
    [NeedsTorch]
    [Theory, MemberData(nameof(Kinds))]
    public void States_lengths_and_all_options_agree_with_PyTorchs_modules(string kind) => RecurrentCase.Any.ForAll(any =>
    {
        var c = any with { Kind = kind };
        using var scope = NewDisposeScope();
        var (ours, subject) = (c.Make<T>(), kind.Split(',')[0]);
        using var theirs = RecurrentTwin.Module(c, ours);
        var x = Any.Matrix<T>(c.Rows, c.Inputs, c.Seed);
        var (initial, dFinal) = (State(c, c.Seed + 1), State(c, c.Seed + 3));
        using Tensor xTorch = Proof.Tensor(x).requires_grad_(), h = Stack(initial.Hidden).requires_grad_();
        var cell = kind == "LSTM" ? Stack(initial.Cell).requires_grad_() : null;

        var pass = (RecurrentPass<T>)ours.NewPass();
        (pass.SequenceLengths, pass.InitialState) = (c.Lengths, initial);
        var y = ours.Forward(x, pass);
        var (yTorch, hTorch, cTorch) = theirs.Run(xTorch, h, cell);
        Proof.Compare(subject, "y", y, yTorch);
        CompareStates("final", pass.FinalState, hTorch, cTorch);

        var dY = Any.Matrix<T>(y.RowCount, y.ColumnCount, c.Seed + 5);
        pass.FinalStateGradient = dFinal;
        var dX = ours.Backward(pass, dY);
        var loss = (yTorch * Proof.Tensor(dY)).sum() + (hTorch * Stack(dFinal.Hidden)).sum();
        if (cTorch is not null) loss = loss + (cTorch * Stack(dFinal.Cell)).sum();
        loss.backward();
        Proof.Compare(subject, "dL/dx", dX, xTorch.grad!);
        CompareStates("dL/dinitial", pass.InitialStateGradient!, h.grad!, cell?.grad);
        var parameters = ours.NamedParameters().ToDictionary(named => named.Name, named => named.Parameter);
        foreach (var (name, value) in theirs.Parameters) Proof.Compare(subject, $"dL/d{Proof.Quantity(name)}", parameters[name].Gradients, parameters[name].Shape, value.grad!);

        void CompareStates(string what, RecurrentState<T> state, Tensor hOfTorch, Tensor? cOfTorch)
        {
            for (var i = 0; i < state.Hidden.Count; i++) Proof.Compare(subject, $"{what} h", state.Hidden[i], hOfTorch[i]);
            for (var i = 0; i < state.Cell.Count; i++) Proof.Compare(subject, $"{what} c", state.Cell[i], cOfTorch![i]);
        }
    }, 60);

    /// <summary>What PyTorch's modules gave in training: the masks have its bits, in its order, with lengths too.</summary>
    [Theory]
    [InlineData("RNN")]
    [InlineData("GRU")]
    [InlineData("LSTM")]
    public void Dropout_between_layers_draws_PyTorchs_masks(string kind)
    {
        foreach (var p in (double[])[0.25, 0.75, 1])
            foreach (var lengths in (int[][])[[], [2, 4, 1, 4, 2]])
            {
                var generator = new Generator(17);
                var layer = (Some with { Kind = kind, Layers = 3 }).Make<T>(p, generator);
                var pass = layer.NewPass();
                pass.SequenceLengths = lengths;
                generator.ManualSeed(3);
                var state = generator.GetState();
                for (var step = 0; step < 2; step++)
                    LayerFixture.Agrees<T>(layer.Forward(Matrix<T>.Build.Dense(20, 2, (i, j) => T.CreateChecked((i * 3 + j * 5) % 7 / 4.0 - j)), pass).ToRowMajorArray(), $"{kind} dropout {p:0.00} {(lengths.Length > 0 ? "with" : "without")} lengths {step}");
                // Where all is dropped, nothing is drawn.
                if (p == 1) generator.GetState().Should().Equal(state);
            }
    }

    [NeedsTorch]
    [Theory, MemberData(nameof(Kinds))]
    public void Dropout_that_is_known_agrees_with_finite_differences_and_acts_in_training_only(string kind)
    {
        var c = Some with { Kind = kind, Layers = 2, HasLengths = false };
        var generator = new Generator(3);
        var layer = c.Make<T>(0.5, generator);
        var mask = Matrix<T>.Build.Dense(c.Rows, 2 * c.Units);
        new Generator(9).Bernoulli(mask, 0.5);
        // The draws are those of step after step; the twin's rows are those of sequence after sequence.
        Tensor Mask() => Proof.Tensor(mask * T.CreateChecked(2)).reshape(c.Steps, c.Sequences, -1).transpose(0, 1);
        Proof.Layer(layer, Any.Matrix<T>(c.Rows, c.Inputs, 1), (x, p) => RecurrentTwin.Formula(c, x, p, "", Mask()), 1, finiteDifferences: kind != "RNN, ReLU", beforeForward: () => generator.ManualSeed(9));
        var state = generator.GetState();
        Proof.Layer(layer, Any.Matrix<T>(c.Rows, c.Inputs, 1), (x, p) => RecurrentTwin.Formula(c, x, p), 1, training: false, finiteDifferences: kind != "RNN, ReLU");
        generator.GetState().Should().Equal(state);

        // Nor is anything drawn where nothing can be dropped.
        var never = c.Make<T>(0, generator);
        state = generator.GetState();
        never.Forward(Any.Matrix<T>(c.Rows, c.Inputs, 1), never.NewPass());
        generator.GetState().Should().Equal(state);
    }

    /// <summary>Sizes at which products are packed, split and shared among threads.</summary>
    [NeedsTorch]
    [Theory]
    [InlineData("RNN", 33, 3, 20, 40)]
    [InlineData("GRU", 40, 4, 30, 50)]
    [InlineData("LSTM", 70, 3, 24, 40)]
    [InlineData("LSTM", 1, 6, 33, 70)]
    [InlineData("GRU", 12, 3, 5, 7)]
    public void Large_shapes_agree_too(string kind, int sequences, int steps, int inputs, int units)
    {
        // Sums of hundreds of floats: ten times the usual absolute bound.
        var c = new RecurrentCase(kind, sequences, steps, inputs, units, 2, true, true, true, 5);
        Proof.Layer(new WithLengths<T>(c.Make<T>(), steps, c.LengthsOf), Any.Matrix<T>(c.Rows, inputs, 1), (x, p) => RecurrentTwin.Formula(c, x, p, "layer."), 1, finiteDifferences: false, tolerance: Conditioning.Widened<T>(10));
    }

    [Fact]
    public void Initial_values_are_PyTorchs()
    {
        foreach (var kind in (string[])["RNN", "GRU", "LSTM"])
            foreach (var bias in (bool[])[true, false])
            {
                var layer = (Some with { Kind = kind, Bias = bias }).Make<T>(generator: new Generator(17));
                layer.NamedParameters().SelectMany(named => named.Parameter is MatrixParameter<T> matrix ? matrix.Value.ToRowMajorArray() : named.Parameter.Values.ToArray())
                    .Should().Equal(LayerFixture.Of<T>($"{kind} {(bias ? "with" : "without")} bias"));
            }
    }

    /// <summary>Threads share directions, and samples where there is one direction or there are more threads: many, and too few to share.</summary>
    [Theory, MemberData(nameof(KindsAndSizes))]
    public void A_sequence_has_the_bits_it_has_alone_whatever_the_threads(string kind, int sequences, int steps, bool bidirectional)
    {
        var c = new RecurrentCase(kind, sequences, steps, 9, 41, 2, bidirectional, true, true, 5);
        var (layer, x) = (c.Make<T>(), Any.Matrix<T>(c.Rows, c.Inputs, 1));
        Matrix<T> y, dX;
        using (Threads.Of(1)) (y, dX) = Run(layer, x, c.Lengths);
        using (Threads.Of(4))
        {
            // More than once: whether threads get in each other's way is a matter of luck.
            for (var again = 0; again < 10; again++) Run(layer, x, c.Lengths).Y.Should().Be(y);
            var (yAgain, dXAgain) = Run(layer, x, c.Lengths);
            yAgain.Should().Be(y);
            dXAgain.Should().Be(dX);
        }

        for (var n = 0; n < c.Sequences; n++)
        {
            var (yAlone, dXAlone) = Run(layer, x.SubMatrix(n * c.Steps, c.Steps, 0, c.Inputs), c.Lengths[n..(n + 1)], n);
            yAlone.Should().Be(y.SubMatrix(n * c.Steps, c.Steps, 0, y.ColumnCount));
            dXAlone.Should().Be(dX.SubMatrix(n * c.Steps, c.Steps, 0, c.Inputs));
        }

        static (Matrix<T> Y, Matrix<T> DX) Run(Recurrent<T> layer, Matrix<T> x, int[] lengths, int from = 0)
        {
            var pass = layer.NewPass();
            pass.SequenceLengths = lengths;
            var y = layer.Forward(x, pass).Clone();
            var dY = Any.Matrix<T>(160 * layer.Steps, y.ColumnCount, 2).SubMatrix(from * layer.Steps, y.RowCount, 0, y.ColumnCount);
            return (y, layer.Backward(pass, dY).Clone());
        }
    }

    [Theory, MemberData(nameof(Kinds))]
    public void What_lies_beyond_a_length_is_not_looked_at(string kind)
    {
        var c = Some with { Kind = kind, Steps = 4 };
        var (layer, x, dY) = (c.Make<T>(), Any.Matrix<T>(c.Rows, c.Inputs, 1), Any.Matrix<T>(c.Rows, 2 * c.Units, 2));
        int[] lengths = [4, 1, 2];
        var (y, dX, gradients) = Run();
        for (var n = 0; n < 3; n++)
            for (var t = lengths[n]; t < 4; t++)
            {
                y.Row(n * 4 + t).Should().Equal(new T[2 * c.Units]);
                dX.Row(n * 4 + t).Should().Equal(new T[c.Inputs]);
                x.SetRow(n * 4 + t, Matrix<T>.Build.Dense(1, c.Inputs, T.NaN).Row(0));
                dY.SetRow(n * 4 + t, Matrix<T>.Build.Dense(1, 2 * c.Units, T.NaN).Row(0));
            }

        var (yWithNaN, dXWithNaN, gradientsWithNaN) = Run();
        yWithNaN.Should().Be(y);
        dXWithNaN.Should().Be(dX);
        gradientsWithNaN.Should().Equal(gradients);

        (Matrix<T> Y, Matrix<T> DX, T[] Gradients) Run()
        {
            foreach (var parameter in layer.Parameters) parameter.ZeroGradient();
            var pass = layer.NewPass();
            pass.SequenceLengths = lengths;
            var output = layer.Forward(x, pass).Clone();
            return (output, layer.Backward(pass, dY).Clone(), [.. layer.Parameters.SelectMany(parameter => parameter.Gradients.ToArray())]);
        }
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Beyond_the_end_of_one_sequence_alone_nothing_is_looked_at(string kind)
    {
        var c = Some with { Kind = kind, Sequences = 1 };
        var (layer, x) = (c.Make<T>(), Any.Matrix<T>(c.Rows, c.Inputs, 1));
        var pass = layer.NewPass();
        pass.SequenceLengths = new[] { 2 };
        var (y, dX) = (layer.Forward(x, pass).Clone(), layer.Backward(pass, Any.Matrix<T>(c.Rows, 2 * c.Units, 2)).Clone());
        var gradients = layer.Parameters.SelectMany(parameter => parameter.Gradients.ToArray()).ToArray();
        foreach (var parameter in layer.Parameters) parameter.ZeroGradient();
        x[3, 0] = T.NaN;
        layer.Forward(x, pass).Should().Be(y);
        layer.Backward(pass, Any.Matrix<T>(c.Rows, 2 * c.Units, 2)).Should().Be(dX);
        layer.Parameters.SelectMany(parameter => parameter.Gradients.ToArray()).Should().Equal(gradients);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void The_final_state_stays_what_it_was_and_a_mask_shows_no_batch_before(string kind)
    {
        var c = Some with { Kind = kind, HasLengths = false };
        var (layer, x) = (c.Make<T>(0.5), Any.Matrix<T>(c.Rows, c.Inputs, 1));
        var pass = (RecurrentPass<T>)layer.NewPass();
        layer.Forward(x, pass);
        var final = pass.FinalState.Clone();
        pass.FinalStateGradient = State(c, 7);
        layer.Backward(pass, Any.Matrix<T>(c.Rows, 2 * c.Units, 2));
        pass.FinalState.Hidden.Should().Equal(final.Hidden);
        pass.FinalState.Cell.Should().Equal(final.Cell);

        pass.SequenceLengths = new[] { 1, 4, 2 };
        layer.Forward(x, pass);
        var mask = pass.DropoutMask(0)!;
        foreach (var (sequence, length) in ((int, int)[])[(0, 1), (2, 2)])
            for (var t = length; t < 4; t++) mask.Row(4 * sequence + t).Should().Equal(new T[2 * c.Units]);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Lengths_that_are_all_there_change_no_bit(string kind)
    {
        var c = Some with { Kind = kind };
        var (layer, x, pass) = (c.Make<T>(), Any.Matrix<T>(c.Rows, c.Inputs, 1), c.Make<T>().NewPass());
        pass = layer.NewPass();
        var y = layer.Forward(x, pass).Clone();
        var dX = layer.Backward(pass, Any.Matrix<T>(c.Rows, y.ColumnCount, 2)).Clone();
        pass.SequenceLengths = new[] { 4, 4, 4 };
        layer.Forward(x, pass).Should().Be(y);
        layer.Backward(pass, Any.Matrix<T>(c.Rows, y.ColumnCount, 2)).Should().Be(dX);
    }

    /// <summary>A long series in two batches: the values are those of the whole, and so are the gradients where the state's is handed on.</summary>
    [Theory, MemberData(nameof(Kinds))]
    public void A_series_in_two_batches_is_the_series(string kind)
    {
        var c = Some with { Kind = kind, Bidirectional = false, Steps = 6, HasLengths = false };
        var (whole, half) = (c.Make<T>(), c.Make<T>(steps: 3));
        var (x, dY) = (Any.Matrix<T>(c.Rows, c.Inputs, 1), Any.Matrix<T>(c.Rows, c.Units, 2));
        var passOfWhole = whole.NewPass();
        var y = whole.Forward(x, passOfWhole);
        RecurrentPass<T> first = (RecurrentPass<T>)half.NewPass(), second = (RecurrentPass<T>)half.NewPass();
        half.Forward(Steps(x, 0), first).Should().Be(Steps(y, 0));
        second.InitialState = first.FinalState;
        half.Forward(Steps(x, 3), second).Should().Be(Steps(y, 3));

        var dX = whole.Backward(passOfWhole, dY);
        Near(half.Backward(second, Steps(dY, 3)), Steps(dX, 3));
        first.FinalStateGradient = second.InitialStateGradient;
        Near(half.Backward(first, Steps(dY, 0)), Steps(dX, 0));
        for (var i = 0; i < whole.Parameters.Count; i++)
            Near(Matrix<T>.Build.DenseOfColumnMajor(1, whole.Parameters[i].Count, half.Parameters[i].Gradients.ToArray()), Matrix<T>.Build.DenseOfColumnMajor(1, whole.Parameters[i].Count, whole.Parameters[i].Gradients.ToArray()));

        Matrix<T> Steps(Matrix<T> matrix, int from) => Matrix<T>.Build.Dense(3 * c.Sequences, matrix.ColumnCount, (i, j) => matrix[i / 3 * 6 + from + i % 3, j]);

        static void Near(Matrix<T> ours, Matrix<T> expected)
        {
            for (var i = 0; i < ours.RowCount; i++)
                for (var j = 0; j < ours.ColumnCount; j++)
                    double.CreateChecked(ours[i, j]).Should().BeApproximately(double.CreateChecked(expected[i, j]), typeof(T) == typeof(double) ? 1e-13 : 1e-5);
        }
    }

    [Theory, MemberData(nameof(Kinds))]
    public void The_state_is_carried_from_batch_to_batch_once_it_is_said(string kind)
    {
        var c = Some with { Kind = kind, Bidirectional = false, Steps = 6, HasLengths = false };
        var (whole, third) = (c.Make<T>(), c.Make<T>(steps: 2));
        var x = Any.Matrix<T>(c.Rows, c.Inputs, 1);
        var y = whole.Forward(x);
        var pass = (RecurrentPass<T>)third.NewPass();
        for (var batch = 0; batch < 3; batch++)
        {
            third.Forward(Matrix<T>.Build.Dense(2 * c.Sequences, c.Inputs, (i, j) => x[i / 2 * 6 + 2 * batch + i % 2, j]), pass).Should().Be(Matrix<T>.Build.Dense(2 * c.Sequences, c.Units, (i, j) => y[i / 2 * 6 + 2 * batch + i % 2, j]));
            pass.InitialState = pass.FinalState;
        }
    }

    [Theory, MemberData(nameof(Kinds))]
    public void A_steady_step_allocates_nothing(string kind)
    {
        var c = Some with { Kind = kind };
        var layer = c.Make<T>(0.5);
        Matrix<T> x = Any.Matrix<T>(40 * c.Steps, c.Inputs, 1), last = Any.Matrix<T>(7 * c.Steps, c.Inputs, 1), dY = Any.Matrix<T>(40 * c.Steps, 2 * c.Units, 2), dLast = Any.Matrix<T>(7 * c.Steps, 2 * c.Units, 2);
        int[] lengths = c.LengthsOf(40), lengthsOfLast = c.LengthsOf(7);
        var pass = layer.NewPass();
        Epoch();
        Epoch();
        Allocation.Least(() =>
        {
            for (var i = 0; i < 3; i++) Epoch();
        }).Should().Be(0);

        void Epoch()
        {
            pass.SequenceLengths = lengths;
            layer.Forward(x, pass);
            layer.Backward(pass, dY);
            pass.SequenceLengths = lengthsOfLast;
            layer.Forward(last, pass);
            layer.Backward(pass, dLast);
        }
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Frozen_parameters_get_no_gradient(string kind)
    {
        var c = Some with { Kind = kind };
        var (layer, free, x) = (c.Make<T>(), c.Make<T>(), Any.Matrix<T>(c.Rows, c.Inputs, 1));
        for (var i = 0; i < layer.Parameters.Count; i += 2) layer.Parameters[i].Frozen = true;
        Run(layer).Should().Be(Run(free));
        for (var i = 0; i < layer.Parameters.Count; i++)
            layer.Parameters[i].Gradients.ToArray().Should().Equal(i % 2 == 0 ? new T[layer.Parameters[i].Count] : free.Parameters[i].Gradients.ToArray());

        Matrix<T> Run(Recurrent<T> of)
        {
            var pass = of.NewPass();
            var y = of.Forward(x, pass);
            return of.Backward(pass, Any.Matrix<T>(y.RowCount, y.ColumnCount, 2));
        }
    }

    [Theory, MemberData(nameof(Kinds))]
    public void NaN_stays_in_its_sequence_and_saturated_gates_are_finite(string kind)
    {
        var c = Some with { Kind = kind, HasLengths = false };
        var layer = c.Make<T>();
        var x = Any.Matrix<T>(c.Rows, c.Inputs, 1);
        var expected = layer.Forward(x);
        x[5, 0] = T.NaN;
        var y = layer.Forward(x);
        for (var row = 0; row < c.Rows; row++)
        {
            if (row / c.Steps != 1) y.Row(row).Should().Equal(expected.Row(row));
            else y.Row(row).All(T.IsNaN).Should().BeTrue("both directions, through two layers");
        }

        if (kind == "RNN, ReLU") return;
        var pass = layer.NewPass();
        layer.Forward(Any.Matrix<T>(c.Rows, c.Inputs, 1, 1e30), pass).Enumerate().All(value => T.Abs(value) <= T.One).Should().BeTrue();
        layer.Backward(pass, Any.Matrix<T>(c.Rows, 2 * c.Units, 2)).Enumerate().All(T.IsFinite).Should().BeTrue();
        layer.Parameters.SelectMany(parameter => parameter.Gradients.ToArray()).All(T.IsFinite).Should().BeTrue();
    }

    internal static RecurrentState<T> State(RecurrentCase c, int seed)
    {
        var tracks = c.Layers * c.Directions;
        return new([.. Enumerable.Range(0, tracks).Select(i => Any.Matrix<T>(c.Sequences, c.Units, seed + 10 * i))], c.Kind == "LSTM" ? [.. Enumerable.Range(0, tracks).Select(i => Any.Matrix<T>(c.Sequences, c.Units, seed + 10 * i + 1))] : null);
    }

    private static Tensor Stack(IReadOnlyList<Matrix<T>> matrices) => stack(matrices.Select(Proof.Tensor).ToArray(), 0);
}

public sealed class RecurrentDoubleTests : RecurrentTests<double>
{
    [Fact]
    public void They_write_themselves_as_their_constructors_read()
    {
        $"{new LSTM<double>(3, 4, 5)}".Should().Be("LSTM(3 -> 4, 5 steps)");
        $"{new GRU<double>(3, 4, 1, numLayers: 2, bidirectional: true, dropout: 0.25, bias: false)}".Should().Be("GRU(3 -> 4, 1 step, 2 layers, bidirectional, dropout 0.25, no bias)");
        $"{new RNN<double>(3, 4, 5, nonlinearity: RecurrentNonlinearity.ReLU)}".Should().Be("RNN(3 -> 4, 5 steps, relu)");
        new LSTM<double>(3, 4, 5, 2, true).NamedParameters().Select(named => named.Name).Should().Equal(
            from layer in (int[])[0, 1]
            from reverse in (string[])["", "_reverse"]
            from kind in (string[])["weight_ih", "weight_hh", "bias_ih", "bias_hh"]
            select $"{kind}_l{layer}{reverse}");
    }

    [Fact]
    public void Bad_input_is_named()
    {
        var layer = new LSTM<double>(3, 4, 5);
        var columns = () => layer.Forward(Any.Matrix<double>(5, 2, 1));
        columns.Should().Throw<ArgumentException>().WithMessage("LSTM(3 -> 4, 5 steps) expects 3 input columns, but x is 5x2. (Parameter 'x')");
        var rows = () => layer.Forward(Any.Matrix<double>(7, 3, 1));
        rows.Should().Throw<ArgumentException>().WithMessage("LSTM(3 -> 4, 5 steps) expects sequences of 5 rows each, but x has 7 rows. (Parameter 'x')");
        var size = () => new GRU<double>(0, 4, 5);
        size.Should().Throw<ArgumentOutOfRangeException>().WithMessage("GRU(0 -> 4, 5 steps) expects inputSize to be at least 1.*");
        var steps = () => new GRU<double>(2, 4, 0);
        steps.Should().Throw<ArgumentOutOfRangeException>().WithMessage("GRU(2 -> 4, 0 steps) expects steps to be at least 1.*");
        var hidden = () => new RNN<double>(2, -4, 1);
        hidden.Should().Throw<ArgumentOutOfRangeException>().WithMessage("RNN(2 -> -4, 1 steps) expects hiddenSize to be at least 1.*");
        var layers = () => new RNN<double>(2, 4, 1, 0);
        layers.Should().Throw<ArgumentOutOfRangeException>().WithMessage("RNN(2 -> 4, 1 steps) expects numLayers to be at least 1.*");
        var dropout = () => new LSTM<double>(2, 4, 1, dropout: 1.5);
        dropout.Should().Throw<ArgumentOutOfRangeException>().WithMessage("LSTM(2 -> 4, 1 steps) expects dropout to be from 0 to 1, but it is 1.5. (Parameter 'dropout')");
        var nonlinearity = () => new RNN<double>(2, 4, 1, nonlinearity: (RecurrentNonlinearity)7);
        nonlinearity.Should().Throw<ArgumentOutOfRangeException>().WithMessage("RNN expects nonlinearity to be one of Tanh, ReLU, but it is 7. (Parameter 'nonlinearity')");
    }

    [Fact]
    public void Lengths_that_do_not_fit_are_refused_before_anything_changes()
    {
        var (layer, x) = (new LSTM<double>(3, 4, 5), Any.Matrix<double>(15, 3, 1));
        var pass = layer.NewPass();
        var y = layer.Forward(x, pass).Clone();
        Refused([5, 5], "expects a length for each of 3 sequences, but SequenceLengths has 2. (Parameter 'SequenceLengths')");
        Refused([5, 0, 1], "expects lengths from 1 to 5, but SequenceLengths[1] is 0. (Parameter 'SequenceLengths')");
        Refused([5, 1, 6], "expects lengths from 1 to 5, but SequenceLengths[2] is 6. (Parameter 'SequenceLengths')");
        pass.SequenceLengths = default;
        layer.Forward(x, pass).Should().Be(y);

        void Refused(int[] lengths, string message)
        {
            pass.SequenceLengths = lengths;
            var act = () => layer.Forward(x, pass);
            act.Should().Throw<ArgumentException>().WithMessage($"LSTM(3 -> 4, 5 steps) {message}");
        }
    }

    [Theory]
    [InlineData(2, 0.25, true)]
    [InlineData(2, 1, true)]
    [InlineData(1, 0.25, false)]
    [InlineData(2, 0, false)]
    public void A_generator_is_known_to_checkpoints_where_something_may_be_dropped(int layers, double dropout, bool isKnown)
    {
        var generator = new Generator(1);
        new GRU<double>(2, 3, 4, layers, dropout: dropout, generator: generator).Generators.Should().Equal(isKnown ? [generator] : []);
    }

    [Fact]
    public void What_was_dropped_between_layers_can_be_looked_at()
    {
        var layer = new GRU<double>(2, 3, 4, 2, bidirectional: true, dropout: 0.5, generator: new Generator(1));
        var (x, pass) = (Any.Matrix<double>(12, 2, 1), (RecurrentPass<double>)layer.NewPass());
        var none = () => pass.DropoutMask(0);
        none.Should().Throw<InvalidOperationException>();
        var y = layer.Forward(x, pass).Clone();
        var mask = pass.DropoutMask(0)!;
        (mask.RowCount, mask.ColumnCount).Should().Be((12, 6));
        mask.Enumerate().Distinct().Order().Should().Equal(0, 2);
        pass.DropoutMask(1).Should().BeNull();

        // The two layers by themselves, with the mask between.
        GRU<double> lower = new(2, 3, 4, bidirectional: true), upper = new(6, 3, 4, bidirectional: true);
        var values = layer.NamedParameters().ToDictionary(named => named.Name, named => named.Parameter);
        foreach (var (level, alone) in new[] { lower, upper }.Index())
            foreach (var (name, parameter) in alone.NamedParameters()) values[name.Replace("_l0", $"_l{level}", StringComparison.Ordinal)].Values.CopyTo(parameter.Values);
        var again = upper.Forward(lower.Forward(x).PointwiseMultiply(mask));
        for (var e = 0; e < 12 * 6; e++) again[e % 12, e / 12].Should().BeApproximately(y[e % 12, e / 12], 1e-14);

        var above = () => pass.DropoutMask(2);
        above.Should().Throw<ArgumentOutOfRangeException>().WithMessage("GRU(2 -> 3, 4 steps, 2 layers, bidirectional, dropout 0.5) has the layers 0 to 1, but 2 was asked for. (Parameter 'layer')");
        var evaluation = (RecurrentPass<double>)layer.NewPass(training: false);
        layer.Forward(x, evaluation);
        evaluation.DropoutMask(0).Should().BeNull();
    }

    [Fact]
    public void A_state_that_does_not_fit_is_refused()
    {
        var c = new RecurrentCase("LSTM", 3, 5, 3, 4, 1, false, true, false, 1);
        var (layer, x) = (c.Make<double>(), Any.Matrix<double>(15, 3, 1));
        var pass = (RecurrentPass<double>)layer.NewPass();
        var early = () => pass.FinalState;
        early.Should().Throw<InvalidOperationException>().WithMessage("LSTM(3 -> 4, 5 steps) has not run forward with this pass yet: call Forward(x, pass) first.");
        layer.Forward(x, pass);
        pass.InitialState = pass.FinalState;
        var other = () => layer.Forward(Any.Matrix<double>(10, 3, 1), pass);
        other.Should().Throw<ArgumentException>().WithMessage("LSTM(3 -> 4, 5 steps) expects InitialState.Hidden[0] to be 2x4, but it is 3x4. (Parameter 'InitialState.Hidden[0]')");
        pass.InitialState = RecurrentTests<double>.State(c with { Units = 5 }, 1);
        var wide = () => layer.Forward(x, pass);
        wide.Should().Throw<ArgumentException>().WithMessage("LSTM(3 -> 4, 5 steps) expects InitialState.Hidden[0] to be 3x4, but it is 3x5. (Parameter 'InitialState.Hidden[0]')");
        pass.InitialState = new([pass.FinalState.Hidden[0]]);
        var noCell = () => layer.Forward(x, pass);
        noCell.Should().Throw<ArgumentException>().WithMessage("LSTM(3 -> 4, 5 steps) expects InitialState.Cell to have 1 matrix, one for each layer and direction, but it has 0. (Parameter 'InitialState')");
        pass.InitialState = null;
        layer.Forward(x, pass);
        pass.InitialStateGradient.Should().BeNull();
        pass.FinalStateGradient = RecurrentTests<double>.State(c with { Sequences = 2 }, 1);
        var gradient = () => layer.Backward(pass, Any.Matrix<double>(15, 4, 1));
        gradient.Should().Throw<ArgumentException>().WithMessage("LSTM(3 -> 4, 5 steps) expects FinalStateGradient.Hidden[0] to be 3x4, but it is 2x4. (Parameter 'FinalStateGradient.Hidden[0]')");
        layer.Parameters.SelectMany(parameter => parameter.Gradients.ToArray()).Should().OnlyContain(value => value == 0);
    }
}

public sealed class RecurrentSingleTests : RecurrentTests<float>;
