using System.Globalization;
using System.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>
/// Runs a layer as training does, and worse: reused passes, dirty buffers, other sizes. It says what the layer does that no derivative shows, and leaves
/// the outputs and gradients that are then compared.
/// </summary>
internal sealed class LayerProbe<T> : IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Layer<T> _layer;
    private readonly bool _training;
    private readonly Action? _beforeForward;
    private readonly Matrix<T> _original;
    private readonly int _seed;
    private readonly List<string> _problems = [];
    private ForwardPass<T>? _pass;
    private bool _fresh;            // the layer needs a new pass each time, since it leaves what was there

    public LayerProbe(Layer<T> layer, Matrix<T> x, int seed, bool training, Action? beforeForward)
    {
        (_layer, X, _original, _seed, _training, _beforeForward) = (layer, x.Clone(), x.Clone(), seed, training, beforeForward);
        State = new(layer);
    }

    /// <summary>The layer as it was.</summary>
    public LayerState<T> State { get; }

    /// <summary>A copy of the input, which may be moved.</summary>
    public Matrix<T> X { get; private set; }

    /// <summary>The output.</summary>
    public Matrix<T> Y { get; private set; } = null!;

    /// <summary>The upstream gradient.</summary>
    public Matrix<T> DY { get; private set; } = null!;

    /// <summary>dL/dX by hand.</summary>
    public Matrix<T> DX { get; private set; } = null!;

    /// <summary>The gradients by hand, in the order of <see cref="Layer{T}.Parameters"/>.</summary>
    public IReadOnlyList<T[]> Gradients { get; private set; } = [];

    /// <summary>The first exception of what is wrong.</summary>
    public Exception? Exception { get; set; }

    /// <summary>What is wrong, in words.</summary>
    public List<string> Problems => _problems;

    /// <summary>Leaves the layer as it was.</summary>
    public void Dispose() => State.Restore();

    /// <summary>Runs all probes.</summary>
    /// <returns>Whether there are gradients, of a function that can be differentiated.</returns>
    /// <exception cref="ArgumentException">The layer refuses x.</exception>
    public bool Run()
    {
        if (!Forwards() || !Backwards()) return false;
        LeavesNothing();
        Interleaves();
        Resizes();
        State.RestoreValues();
        return true;
    }

    /// <summary>Runs the layer forward and back in a batch of four times as many rows and in one of a single row, and lets somebody look at what came of it.</summary>
    public void InOtherBatches(Action<int, Matrix<T>, Matrix<T>, Matrix<T>, T[][], Func<Matrix<T>>> look)
    {
        foreach (var rows in (int[])[4 * _original.RowCount, 1])
        {
            var x = Batch(_original, rows);
            if (rows == _original.RowCount || _original.RowCount == 0 || _problems.Count > 0 || !Takes(x) || (_training && rows < _layer.MinTrainingRows)) continue;
            var (pass, known) = (NewPass(), _problems.Count);
            X = x;
            Attempt($"A batch of {rows.ToString(CultureInfo.InvariantCulture)} rows", () =>
            {
                Matrix<T> y;
                try
                {
                    y = Forward(pass, X).Clone();
                }
                catch (ArgumentException) when (rows == 1)
                {
                    return true;    // a size that the layer does not take
                }

                var dY = Upstream(y);
                State.ZeroGradients();
                var dX = pass.Backward(dY.Clone())!.Clone();
                look(rows, y, dY, dX, State.Gradients(), () => Forward(_fresh ? NewPass() : pass, X));
                return true;
            });
            State.RestoreValues();
        }

        X = _original.Clone();
    }

    /// <summary>A batch of so many rows: the given ones, again and again.</summary>
    internal static Matrix<T> Batch(Matrix<T> x, int rows) => Matrix<T>.Build.Dense(rows, x.ColumnCount, (i, j) => x[(i + i / x.RowCount) % x.RowCount, j]);

    /// <summary>The output for <see cref="X"/> as it is now.</summary>
    public Matrix<T> Evaluate() => Forward(_fresh ? NewPass() : _pass ??= NewPass(), X);

    private ForwardPass<T> NewPass(bool nan = false)
    {
        var pass = ForwardPass<T>.Made(_layer, _training);
        pass.FillsWithNaN = nan;
        return pass;
    }

    private Matrix<T> Forward(ForwardPass<T> pass, Matrix<T> x)
    {
        State.Rewind();
        _beforeForward?.Invoke();
        return pass.Forward(x);
    }

    /// <summary>The same x in two new passes, and again in one of them.</summary>
    private bool Forwards()
    {
        ForwardPass<T> pass;
        try
        {
            pass = NewPass();
            State.MarkGradients();
            Y = Forward(pass, X).Clone();
            foreach (var name in State.UnmarkedGradients()) _problems.Add($"The forward pass changed the gradient of {name}: what accumulated over several batches would be lost. Only backward passes add to gradients, and optimizers set them to 0.");
        }
        catch (ArgumentException refusal) when (refusal.ParamName == "x" || !Takes(X))
        {
            throw; // the input is not the layer's fault
        }
        catch (Exception exception) when (IsAnswer(exception))
        {
            return Failed("The forward pass", exception);
        }

        if (!State.IsComplete)
        {
            _problems.Add("The layer registered parameters or buffers in its forward pass; register them in the constructor, where optimizers, files and this check see them.");
            return false;
        }

        _problems.AddRange(Unregistered.In(_layer));
        if (!_training)
            foreach (var name in State.ChangedBuffers()) _problems.Add($"The forward pass moved the buffer {name} in evaluation, where any number of threads may run.");
        Unchanged("The forward pass");
        return Attempt("A second forward pass", () =>
        {
            var (reused, other) = (pass, NewPass());
            foreach (var again in (Matrix<T>[])[Forward(other, X).Clone(), Forward(reused, X).Clone()])
            {
                if (Bits.Same(Y, again)) continue;
                _problems.Add($"Two forward passes of the same x give different outputs: {Bits.Difference(Y, again)}. A layer that draws random numbers registers its generator, or beforeForward resets it; what else it keeps from pass "
                    + "to pass is a registered buffer. Until then there is nothing to compare.");
                return false;
            }

            return true;
        });
    }

    /// <summary>Back once, and twice more without a forward pass in between: gradients add up, and operands stay.</summary>
    private bool Backwards()
    {
        DY = Upstream(Y);
        var dY = DY.Clone();
        var pass = NewPass();
        if (!Attempt("The backward pass", () =>
        {
            Forward(pass, X);
            var kept = Steps(pass).Select(step => (Step: step, Output: step.Output.Clone())).ToArray();
            State.ZeroGradients();
            DX = pass.Backward(DY)!.Clone();
            Gradients = State.Gradients();
            if (!State.IsComplete)
            {
                _problems.Add("The layer registered parameters or buffers in its backward pass; register them in the constructor, where optimizers, files and this check see them.");
                return false;
            }

            if (!ReferenceEquals(pass.Input, X) || !Bits.Same(X, _original)) _problems.Add("The layer changed its input.");
            foreach (var (step, output) in kept)
                if (!Bits.Same(step.Output, output)) _problems.Add($"{step.Who}: its output is another one after the backward pass, {Bits.Difference(output, step.Output)}; the operands of a backward pass stay as they are.");
            if (!Bits.Same(DY, dY)) _problems.Add("The layer changed dL/dY, its upstream gradient.");
            dY.CopyTo(DY);
            Unchanged("The backward pass");
            return true;
        })) return false;

        Attempt("A second backward pass", () =>
        {
            pass.Backward(DY);
            var twice = State.Gradients();
            var adds = new bool[twice.Length];
            for (var i = 0; i < twice.Length; i++)
            {
                adds[i] = IsMultiple(Gradients[i], twice[i], 2);
                if (!adds[i]) _problems.Add($"dL/d{State.Names[i]}: after a second backward pass it is not twice the first; gradients are added to what is there, not set.");
            }

            State.ZeroGradients();
            pass.Backward(DY, needsInputGradient: false);
            var without = State.Gradients();
            for (var i = 0; i < without.Length; i++)
                if (adds[i] && !IsMultiple(Gradients[i], without[i], 1)) _problems.Add($"dL/d{State.Names[i]}: it is another one where nobody needs dL/dX (NeedsInputGradient is false), as in training.");
            return true;
        });
        dY.CopyTo(DY);
        _original.CopyTo(X);
        State.RestoreValues();
        return true;
    }

    /// <summary>Buffers full of NaN: whatever is not written shows.</summary>
    private void LeavesNothing()
    {
        var (zeros, nans, backwards) = (NewPass(), NewPass(nan: true), NewPass());
        Attempt("With buffers full of NaN, the forward pass", () =>
        {
            Forward(zeros, X);
            Forward(nans, X);
            var left = Unwritten.InOutputs(zeros, nans).ToArray();
            if (left.Length == 0 && !Bits.Same(zeros.Output, nans.Output)) left = ["The layer's output depends on what was in its buffers before, which is unspecified."];
            _fresh = left.Length > 0;
            _problems.AddRange(left);
            return true;
        });
        Attempt("With buffers full of NaN, the backward pass", () =>
        {
            Forward(backwards, X);
            zeros.Backward(DY);
            backwards.FillsWithNaN = true;
            State.ZeroGradients();
            backwards.Backward(DY);
            var left = Unwritten.InInputGradients(zeros, backwards).ToArray();
            _problems.AddRange(left);
            if (left.Length > 0) return true;
            foreach (var (i, gradients) in State.Gradients().Index())
                if (Array.Exists(gradients, T.IsNaN) && !Array.Exists(Gradients[i], T.IsNaN)) _problems.Add($"dL/d{State.Names[i]} depends on what was in the pass's buffers before, which is unspecified.");
            return true;
        });
        _original.CopyTo(X);
        State.RestoreValues();
    }

    /// <summary>Another pass between forward and back: as on another thread, or where the layer stands in two places.</summary>
    private void Interleaves()
    {
        var others = X.RowCount > 1 ? Reversed(_original) : Larger(_original);
        if (X.RowCount == 0 || !Takes(others)) return;
        const string Where = "After another pass of the layer has run forward, ", Why = "What a backward pass needs belongs into the pass, not into the layer, which may stand in several places and serve several threads.";
        var (pass, other) = (NewPass(), NewPass());
        Attempt($"{Where}the backward pass", () =>
        {
            Forward(pass, X);
            var x = others.Clone();
            other.Forward(x);
            State.ZeroGradients();
            var y = pass.Output.Clone();
            var dX = pass.Backward(DY)!;
            var gradients = State.Gradients();
            if (!Bits.Same(Y, y)) _problems.Add($"{Where}the output of the first is another one: {Bits.Difference(Y, y)}. Outputs are made by the pass (NewOutput), not kept in the layer.");
            else if (!Bits.Same(DX, dX)) _problems.Add($"{Where}dL/dX is another one: {Bits.Difference(DX, dX)}. {Why}");
            else if (gradients.Index().FirstOrDefault(gradient => !Bits.Same<T>(Gradients[gradient.Index], gradient.Item)) is { Item: not null } wrong)
                _problems.Add($"{Where}dL/d{State.Names[wrong.Index]} is another one. {Why}");
            return true;
        });
        State.RestoreValues();
    }

    /// <summary>In one pass: the batch, a larger one, and both again. Whatever was kept from the first does not fit the second.</summary>
    private void Resizes()
    {
        if (X.RowCount == 0) return;
        var large = Larger(_original);
        if (!Takes(large)) return;
        var pass = NewPass(nan: !_fresh);
        (Matrix<T> Y, Matrix<T> DX, T[][] Gradients)? small = null, larger = null;
        var (at, rows, before) = ("", 0, 0);
        var problems = _problems.Count;
        Attempt(() => before == 0 ? "A pass" : $"A batch of {rows} rows after one of {before} in the same pass", () =>
        {
            foreach (var x in (Matrix<T>[])[_original, large, _original, large])
            {
                (before, rows) = (rows, x.RowCount);
                at = string.Create(CultureInfo.InvariantCulture, $"a batch of {rows} rows after one of {before} in the same pass");
                var y = Forward(_fresh ? pass = NewPass() : pass, x.Clone());
                State.ZeroGradients();
                var dX = pass.Backward(Upstream(y))!;
                var result = (Y: y.Clone(), DX: dX.Clone(), Gradients: State.Gradients());
                ref var first = ref ReferenceEquals(x, large) ? ref larger : ref small;
                if (first is not { } known)
                {
                    if (!_fresh && problems == 0 && result.Y.Span().Contains(T.NaN) && !Y.Span().Contains(T.NaN))
                        _problems.Add($"With {at}, the output has entries that are left as they were: every entry must be written; its contents are unspecified before.");
                    else if (problems == 0 && result.DX.Span().Contains(T.NaN) && !DX.Span().Contains(T.NaN))
                        _problems.Add($"With {at}, dL/dX has entries that are left as they were: every entry must be written; its contents are unspecified before.");
                    first = result;
                    continue;
                }

                if (problems > 0) continue; // said already, in plainer words
                if (!Bits.Same(known.Y, result.Y)) _problems.Add($"With {at}, the output is not what it was for the same x before: {Bits.Difference(known.Y, result.Y)}. Something of an earlier batch was kept.");
                else if (!Bits.Same(known.DX, result.DX)) _problems.Add($"With {at}, dL/dX is not what it was for the same x before: {Bits.Difference(known.DX, result.DX)}. Something of an earlier batch was kept.");
                for (var i = 0; i < known.Gradients.Length; i++)
                    if (!Bits.Same<T>(known.Gradients[i], result.Gradients[i])) _problems.Add($"With {at}, dL/d{State.Names[i]} is not what it was for the same x before. Something of an earlier batch was kept.");
            }

            return true;
        });
    }

    private static Matrix<T> Reversed(Matrix<T> x) => Matrix<T>.Build.Dense(x.RowCount, x.ColumnCount, (i, j) => x[x.RowCount - 1 - i, j]);

    // The rows from the last to the first, and then as they are: each an input that the layer has taken.
    private static Matrix<T> Larger(Matrix<T> x) =>
        Matrix<T>.Build.Dense(2 * x.RowCount, x.ColumnCount, (i, j) => x[i < x.RowCount ? x.RowCount - 1 - i : i - x.RowCount, j]);

    // Away from 0, so that no entry of the output is left out, and of both signs.
    private Matrix<T> Upstream(Matrix<T> y)
    {
        var random = new Random(_seed);
        return Matrix<T>.Build.Dense(y.RowCount, y.ColumnCount, (_, _) => T.CreateChecked((random.Next(2) == 0 ? -1 : 1) * (0.25 + random.NextDouble())));
    }

    private static IEnumerable<ForwardPass<T>> Steps(ForwardPass<T> pass) => pass.Steps.Where(step => step.HasRun).SelectMany(Steps).Concat(pass.Steps.Where(step => step.HasRun));

    private void Unchanged(string who)
    {
        if (!Bits.Same(X, _original) && !_problems.Contains("The layer changed its input.")) _problems.Add("The layer changed its input.");
        _original.CopyTo(X);
        foreach (var name in State.ChangedParameters()) _problems.Add($"{who} changed the values of {name}; only optimizers do.");
        foreach (var name in State.ChangedFreezing()) _problems.Add($"{who} froze {name}; only whoever trains the layer does.");
        State.RestoreValues();
    }

    private static bool IsMultiple(ReadOnlySpan<T> once, ReadOnlySpan<T> more, int times)
    {
        var tolerance = T.CreateChecked(typeof(T) == typeof(double) ? 1e-9 : 1e-4);
        var largest = T.Zero;
        foreach (var value in once) largest = T.MaxNumber(largest, T.Abs(value));
        for (var i = 0; i < once.Length; i++)
            if (T.Abs(more[i] - T.CreateChecked(times) * once[i]) > tolerance * (typeof(T) == typeof(double) ? T.Abs(once[i]) : largest) + T.Epsilon) return false;
        return true;
    }

    /// <summary>Whether the layer takes such an input, by what it declares.</summary>
    private bool Takes(Matrix<T> x)
    {
        try
        {
            return _layer.DeclaredRows(x.RowCount) >= 0 && _layer.DeclaredColumns(x.ColumnCount) >= 0;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }

    private bool Attempt(string what, Func<bool> run) => Attempt(() => what, run);

    private bool Attempt(Func<string> what, Func<bool> run)
    {
        try
        {
            return run();
        }
        catch (Exception exception) when (IsAnswer(exception))
        {
            return Failed(what(), exception);
        }
    }

    private bool Failed(string what, Exception exception)
    {
        Exception ??= exception;
        _problems.Add(Sentence(what, exception));
        return false;
    }

    /// <summary>What an exception says, as a problem.</summary>
    internal static string Sentence(string what, Exception exception) =>
        $"{what} failed: {(exception is InvalidOperationException ? "" : $"{exception.GetType().Name}: ")}{exception.Message}{Place(exception)}";

    // What the library itself refuses names the layer already.
    private static string Place(Exception exception) => exception.Source != typeof(LayerProbe<T>).Assembly.GetName().Name && exception.StackTrace?.Split('\n', 2)[0].Trim() is { Length: > 0 } frame ? $" ({frame})" : "";

    /// <summary>Whether an exception says something of the layer, not of the machine.</summary>
    internal static bool IsAnswer(Exception exception) => exception is not (OutOfMemoryException or InsufficientExecutionStackException or OperationCanceledException);
}
