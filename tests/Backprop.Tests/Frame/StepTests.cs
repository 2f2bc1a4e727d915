using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;

namespace Backprop.Tests.Frame;

/// <summary>No layer can hand anything to the next one that does not fit, at any depth.</summary>
public abstract class StepTests<T> where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
{
    private static readonly Matrix<T> X = Any.Matrix<T>(3, 4, 1), DY = Any.Matrix<T>(3, 2, 2);

    /// <summary>The hostile layer's place: alone, in the middle, in containers within containers.</summary>
    private static IEnumerable<(string Path, Layer<T> Model)> Places(Layer<T> layer)
    {
        yield return ("", layer);
        yield return ("bad: ", new Sequential<T> { { "bad", layer }, { "out", new Linear<T>(4, 4) } });
        yield return ("bad: ", new Sequential<T> { { "in", new Linear<T>(4, 4) }, { "bad", layer }, { "out", new Softmax<T>() } });
        yield return ("f: ", new Residual<T>(layer));
        yield return ("block.f.bad: ", new Sequential<T> { { "block", new Residual<T>(new Sequential<T> { { "norm", new LayerNorm<T>(4) }, { "bad", layer } }) }, { "out", new BatchNorm1d<T>(4) } });
    }

    [Fact]
    public void An_output_that_is_not_as_declared_is_refused_with_the_layers_path()
    {
        foreach (var (words, misdeed) in Hostile<T>.Misdeeds())
        {
            foreach (var (path, model) in Places(new Hostile<T>(forward: misdeed)))
            {
                var before = Parameters(model);
                var pass = model.NewPass();
                var act = () => model.Forward(X, pass);
                act.Should().Throw<InvalidOperationException>().Which.Message.Should().StartWith($"{path}Hostile() returned ").And.Contain(words).And.Contain("declares a dense 3x4 output");
                Parameters(model).Should().Equal(before);
                ((Action)(() => model.Backward(pass, X))).Should().Throw<InvalidOperationException>("there is nothing to go back through").WithMessage("*has not run forward*");
            }
        }
    }

    [Fact]
    public void A_gradient_that_is_not_of_the_inputs_shape_is_refused_with_the_layers_path()
    {
        foreach (var (words, misdeed) in Hostile<T>.Misdeeds())
        {
            foreach (var (path, model) in Places(new Hostile<T>(backward: misdeed)))
            {
                var pass = model.NewPass();
                model.Forward(X, pass);
                var act = () => model.Backward(pass, X);
                act.Should().Throw<InvalidOperationException>().Which.Message.Should().StartWith($"{path}Hostile() returned ").And.Contain(words).And.Contain("needs a dense 3x4 matrix");
            }
        }
    }

    [Fact]
    public void Half_the_columns_without_saying_so_is_refused_before_the_next_layer_reads_beyond_them()
    {
        // The first report of all: OutputColumns forgotten.
        var halve = new Hostile<T>(forward: x => Matrix<T>.Build.Dense(x.RowCount, x.ColumnCount / 2));
        foreach (var rows in (int[])[1, 400, 600, 4000])
        {
            var model = new Sequential<T> { halve, new Linear<T>(8, 2) };
            var act = () => model.Forward(Matrix<T>.Build.Dense(rows, 8));
            act.Should().Throw<InvalidOperationException>().WithMessage($"0: Hostile() returned a {rows}x4 matrix for a {rows}x8 input, but it declares a dense {rows}x8 output (OutputRows, OutputColumns).");
        }
    }

    [Fact]
    public void A_declaration_that_changes_its_mind_or_is_negative_is_refused()
    {
        var calls = 0;
        var model = new Sequential<T> { new Hostile<T>(columns: n => n + calls++), new Linear<T>(4, 2) };
        var act = () => model.Forward(X);
        for (var i = 0; i < 5; i++) act.Should().Throw<Exception>().Which.Should().Match<Exception>(e => e is ArgumentException || e is InvalidOperationException);
        model = new Sequential<T> { new Hostile<T>(columns: _ => -1), new Linear<T>(4, 2) };
        act.Should().Throw<InvalidOperationException>().WithMessage("Hostile() says OutputColumns(4) is negative.");
    }

    [Fact]
    public void A_gradient_kept_from_a_batch_of_another_size_is_refused()
    {
        Matrix<T>? kept = null;
        var model = new Sequential<T> { new Linear<T>(4, 4), new Hostile<T>(backward: dY => kept ??= dY.Clone()), new Linear<T>(4, 2) };
        var pass = model.NewPass();
        model.Forward(Any.Matrix<T>(5, 4, 1), pass);
        model.AccumulateGradients(pass, Any.Matrix<T>(5, 2, 2));
        model.Forward(X, pass);
        var act = () => model.AccumulateGradients(pass, DY);
        act.Should().Throw<InvalidOperationException>().WithMessage("1: Hostile() returned a 5x4 matrix as dL/dX, but it needs a dense 3x4 matrix, the shape of its input (NeedsInputGradient is true).");
    }

    [Fact]
    public void A_step_that_ran_on_its_own_since_is_not_of_this_batch()
    {
        foreach (var rows in (int[])[29, 30, 1])
        {
            var model = new Sequential<T> { { "hidden", new Linear<T>(4, 8) }, { "out", new Linear<T>(8, 2) } };
            var pass = model.NewPass();
            model.Forward(Any.Matrix<T>(30, 4, 1), pass);
            model["hidden"].Forward(Any.Matrix<T>(rows, 4, 3), pass["hidden"]);
            var act = () => model.Backward(pass, Any.Matrix<T>(30, 2, 2));
            act.Should().Throw<InvalidOperationException>().WithMessage("Sequential(*) expects its steps as its own forward pass left them, but one of them has run forward on its own since*");
            model.Parameters.SelectMany(parameter => parameter.Gradients.ToArray()).All(g => g == T.Zero).Should().BeTrue();
        }
    }

    [Fact]
    public void A_pass_older_than_its_network_is_refused_at_any_depth()
    {
        var inner = new Sequential<T> { new Linear<T>(4, 50) };
        var outer = new Sequential<T> { { "inner", inner }, { "out", new Linear<T>(50, 1) } };
        var pass = outer.NewPass();
        outer.Forward(X, pass);
        inner.Add(new Linear<T>(50, 50));    // it would fit, and run the old network in silence
        var act = () => outer.Forward(X, pass);
        act.Should().Throw<ArgumentException>().WithMessage("inner: Sequential(*) was given a pass that was made when it had 1 layer; make a new one with NewPass(). (Parameter 'pass')");
        inner.Add(new Linear<T>(50, 3));
        act.Should().Throw<ArgumentException>().WithMessage("inner: *");
        ((Action)(() => outer.Forward(X))).Should().Throw<ArgumentException>().WithMessage("out: Linear(50 -> 1) expects 50 input columns, but the layer before gives 3. (Parameter 'x')");
    }

    [Fact]
    public void A_pass_that_the_layer_did_not_make_is_refused()
    {
        foreach (var layer in (Layer<T>[])[new BatchNorm1d<T>(4), new LayerNorm<T>(4), new RMSNorm<T>(4), new Dropout<T>(0.5), new Embedding<T>(5, 2)])
        {
            var act = () => layer.Forward(Matrix<T>.Build.Dense(3, 4), new ForwardPass<T>(layer, training: true));
            act.Should().Throw<ArgumentException>().WithMessage($"{layer} was given a ForwardPass, but works with a *; make one with its own NewPass(). (Parameter 'pass')");
        }

        var linear = new Linear<T>(4, 2);
        linear.Forward(X, new ForwardPass<T>(linear, training: true)).RowCount.Should().Be(3, "this is what NewPass makes, too");
    }

    private sealed class Passes(Func<Layer<T>, bool, ForwardPass<T>?> make) : Layer<T>
    {
        public override ForwardPass<T> NewPass(bool training = true) => make(this, training)!;

        protected override Matrix<T> ForwardCore(Matrix<T> x, ForwardPass<T> pass) => x;

        protected override Matrix<T>? BackwardCore(ForwardPass<T> pass, Matrix<T> dY) => dY;
    }

    [Fact]
    public void Passes_that_are_none_or_anothers_or_in_use_are_refused()
    {
        var other = new Linear<T>(4, 4);
        ForwardPass<T>? kept = null;
        Refused(new((_, _) => null), "*gave null*");
        Refused(new((_, training) => other.NewPass(training)), "*gave one of Linear(4 -> 4)*");
        Refused(new((layer, training) => new(layer, !training)), "*for that mode*");
        Refused(new((layer, training) => kept ??= new(layer, training)), "*gave one that is in use*");

        static void Refused(Passes layer, string message)
        {
            var act = () => new Sequential<T> { layer, layer }.Forward(X);
            act.Should().Throw<InvalidOperationException>().WithMessage(message);
        }
    }

    [Fact]
    public void A_pass_on_its_own_output_is_refused_in_training_and_allowed_in_evaluation()
    {
        var model = new Sequential<T> { new Linear<T>(4, 4), new Tanh<T>() };
        var pass = model.NewPass();
        var once = model.Forward(X, pass);
        var act = () => model.Forward(once, pass);
        act.Should().Throw<ArgumentException>().WithMessage("Sequential(*) was given x, its own output in the same pass, in training*");
        model.Forward(once.Clone(), pass);

        var evaluation = model.NewPass(training: false);
        var expected = model.Forward(model.Forward(X));
        var twice = model.Forward(model.Forward(X, evaluation), evaluation);
        twice.Should().Be(expected);
        ((Action)(() => model.Backward(evaluation, X))).Should().Throw<InvalidOperationException>().WithMessage("*has run forward on its own output*");
        model.Forward(X, evaluation);
        model.Backward(evaluation, X).RowCount.Should().Be(3);
    }

    [Fact]
    public void A_pass_in_use_says_so_and_is_free_again_after_any_exception()
    {
        ForwardPass<T>? pass = null;
        Layer<T>? model = null;
        var reentrant = new Hostile<T>(forward: x => model!.Forward(x.Clone(), pass!));
        model = new Sequential<T> { { "a", new Linear<T>(4, 4) }, { "again", reentrant } };
        pass = model.NewPass();
        var act = () => model.Forward(X, pass);
        for (var i = 0; i < 3; i++) act.Should().Throw<InvalidOperationException>().WithMessage("Sequential(*) was given a pass that is in use*");
        pass["a"].Forward(X).ColumnCount.Should().Be(4);

        var throws = true;
        model = new Sequential<T> { { "a", new Linear<T>(4, 4) }, { "b", new Hostile<T>(forward: x => throws ? throw new FormatException("b") : x) } };
        pass = model.NewPass();
        act.Should().Throw<FormatException>();
        throws = false;
        model.Forward(X, pass).Should().Be(model.Forward(X));
    }

    [Fact]
    public void Many_threads_on_one_pass_are_told()
    {
        var model = new Sequential<T> { new Linear<T>(16, 64), new GELU<T>(), new Linear<T>(64, 16) };
        var pass = model.NewPass(training: false);
        var inputs = Enumerable.Range(0, 8).Select(i => Any.Matrix<T>(32, 16, i)).ToArray();
        int told = 0, other = 0;
        Parallel.For(0, 2000, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i =>
        {
            try
            {
                model.Forward(inputs[i % 8], pass);
            }
            catch (InvalidOperationException exception) when (exception.Message.Contains("in use", StringComparison.Ordinal))
            {
                Interlocked.Increment(ref told);
            }
            catch (Exception)
            {
                Interlocked.Increment(ref other);
            }
        });
        other.Should().Be(0);
        pass = model.NewPass(training: false);
        model.Forward(inputs[0], pass).Should().Be(model.Forward(inputs[0]));
    }

    [Fact]
    public void What_a_layer_refuses_while_it_runs_has_its_path()
    {
        var model = new Sequential<T> { { "block", new Residual<T>(new Sequential<T> { { "norm", new BatchNorm1d<T>(4) } }) } };
        var act = () => model.Forward(Any.Matrix<T>(1, 4, 1), model.NewPass());
        act.Should().Throw<ArgumentException>().WithMessage("block.f.norm: BatchNorm1d(4) expects at least 2 samples where it takes the batch's own statistics, but x is 1x4. (Parameter 'x')");
    }

    [Fact]
    public void A_network_of_any_depth_ends_in_an_exception_and_not_the_process()
    {
        Layer<T> deep = new Linear<T>(4, 4);
        var act = () =>
        {
            for (var i = 0; i < 100_000; i++) deep = new Residual<T>(deep);
        };
        act.Should().Throw<ArgumentException>().WithMessage("Residual holds 200 levels of layers within each other, and can stand in no other.");
        deep.Forward(X).ColumnCount.Should().Be(4);

        // From the top down, no container sees how deep it is.
        var top = new Sequential<T>();
        var bottom = top;
        for (var i = 0; i < 100_000; i++)
        {
            var next = new Sequential<T>();
            bottom.Add(next);
            bottom = next;
        }

        foreach (var use in (Func<object>[])[() => top.NewPass(), () => top.Forward(X), () => top.Parameters, () => top.OutputColumns(3), () => top.NamedBuffers().ToList(), () => top.Generators.ToList(), () => top.ToString(), () => new Residual<T>(top)])
            use.Should().Throw<Exception>().Which.Should().Match<Exception>(e => e is InvalidOperationException || e is InsufficientExecutionStackException || e is ArgumentException);
    }

    private static T[] Parameters(Layer<T> model) => [.. model.Parameters.SelectMany(parameter => parameter.Values.ToArray().Concat(parameter.Gradients.ToArray()))];
}

public sealed class StepDoubleTests : StepTests<double>;

public sealed class StepSingleTests : StepTests<float>;
