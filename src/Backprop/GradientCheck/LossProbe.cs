using System.Globalization;
using System.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>Runs a loss as training does, into dirty buffers, and says what it does that no derivative shows.</summary>
internal sealed class LossProbe<T>(Loss<T> loss, Matrix<T> prediction, Matrix<T> target) where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Matrix<T> _prediction = prediction.Clone(), _target = target.Clone(), _originalTarget = target.Clone();

    /// <summary>A copy of the prediction, which may be moved.</summary>
    public Matrix<T> Prediction => _prediction;

    /// <summary>A copy of the target.</summary>
    public Matrix<T> Target => _target;

    /// <summary>The loss.</summary>
    public T Value { get; private set; }

    /// <summary>dL/dprediction by hand.</summary>
    public Matrix<T> Gradient { get; private set; } = prediction.Clone();

    /// <summary>The gradients of the unreduced losses, random, and dL/dprediction by hand from them; null where there is no unreduced form.</summary>
    public (Matrix<T> DLosses, Matrix<T> Gradient)? Unreduced { get; private set; }

    /// <summary>What is wrong, in words.</summary>
    public List<string> Problems { get; } = [];

    /// <summary>Runs all probes.</summary>
    /// <returns>Whether there is a gradient.</returns>
    /// <exception cref="ArgumentException">The loss refuses prediction or target.</exception>
    public bool Run(int seed = 0)
    {
        if (!Attempt("The loss", () =>
        {
            Value = loss.Forward(_prediction, _target);
            Gradient = loss.Backward(_prediction, _target);
        })) return false;

        Unchanged();
        Attempt("Backward into a matrix full of NaN", () =>
        {
            var nans = NaNs(_prediction);
            loss.Backward(_prediction, _target, nans);
            if (Backprop.Unwritten.Problem("dL/dprediction", Gradient, nans) is { } left) Problems.Add(left);
            else if (!Bits.Same(Gradient, nans)) Problems.Add($"A second backward pass gives another dL/dprediction: {Bits.Difference(Gradient, nans)}. A loss keeps nothing between calls.");
        });
        if (Problems.Count == 0) Attempt("ForwardBackward", () =>
        {
            var both = NaNs(_prediction);
            T[] once = [Value], again = [loss.ForwardBackward(_prediction, _target, both)], after = [loss.Forward(_prediction, _target)];
            if (!Bits.Same<T>(once, after)) Problems.Add(string.Create(CultureInfo.InvariantCulture, $"Forward gives {once[0]:G10}, and for the same arguments {after[0]:G10} later. A loss keeps nothing between calls."));
            else if (!Bits.Same<T>(once, again)) Problems.Add(string.Create(CultureInfo.InvariantCulture, $"ForwardBackward gives {again[0]:G17}, but Forward {once[0]:G17}; they agree bit for bit."));
            if (!Bits.Same(Gradient, both)) Problems.Add($"ForwardBackward gives another gradient than Backward: {Bits.Difference(Gradient, both)}; they agree bit for bit.");
        });
        Unchanged();
        Attempt("The loss of a part of the batch", () =>
        {
            if (Additivity.Problem(loss, _prediction, _target) is { } problem) Problems.Add(problem);
        });
        Attempt("Unreduced", () => Unreduce(seed));
        Unchanged();
        return true;
    }

    /// <summary>The losses before reduction: all written, and of the sum that the reduced loss has.</summary>
    private void Unreduce(int seed)
    {
        Matrix<T> losses;
        try
        {
            losses = loss.Unreduced(_prediction, _target);
        }
        catch (NotSupportedException)
        {
            return;
        }

        var nans = NaNs(losses);
        loss.Unreduced(_prediction, _target, nans);
        if (Backprop.Unwritten.Problem("The unreduced loss", losses, nans) is { } left) Problems.Add(left);
        Adds(losses);

        var random = new Random(seed);
        var dLosses = losses.Map(_ => T.CreateChecked((random.Next(2) == 0 ? -1 : 1) * (0.25 + random.NextDouble())), Zeros.Include);
        Matrix<T> gradient;
        try
        {
            gradient = loss.UnreducedBackward(_prediction, _target, dLosses);
        }
        catch (NotSupportedException)
        {
            return;
        }

        var dirty = NaNs(_prediction);
        loss.UnreducedBackward(_prediction, _target, dLosses, dirty);
        if (Backprop.Unwritten.Problem("dL/dprediction of the unreduced loss", gradient, dirty) is { } unwritten) Problems.Add(unwritten);
        Unreduced = (dLosses, gradient);
    }

    /// <summary>A sum is that of the unreduced losses; a mean, times its divisor, is the same multiple of it in a part as in the whole.</summary>
    private void Adds(Matrix<T> losses)
    {
        var sum = Sum(losses);
        var value = double.CreateTruncating(Value);
        if (loss.Reduction == Reduction.Sum)
        {
            if (!Additivity.Close<T>(sum, value)) Problems.Add(string.Create(CultureInfo.InvariantCulture, $"The loss is {value:G10}, but the unreduced losses add up to {sum:G10}."));
            return;
        }

        var part = Math.Max(1, _prediction.RowCount / 3);
        if (_prediction.RowCount < 2 || _target.RowCount != _prediction.RowCount) return;
        var (p, t) = (_prediction.SubMatrix(0, part, 0, _prediction.ColumnCount), _target.SubMatrix(0, part, 0, _target.ColumnCount));
        double partOfSum, scaled, scaledPart;
        try
        {
            var divisor = loss.Divisor(p, t);
            (partOfSum, scaledPart) = (Sum(loss.Unreduced(p, t)), divisor == 0 ? 0 : double.CreateTruncating(loss.Forward(p, t)) * divisor);
            scaled = value * loss.Divisor(_prediction, _target);
        }
        catch (ArgumentException)
        {
            return; // a part may be smaller than the loss takes
        }

        if (!double.IsFinite(value) || Additivity.Close<T>(scaled * partOfSum, scaledPart * sum)) return;
        Problems.Add(string.Create(CultureInfo.InvariantCulture, $"The loss times its divisor is {scaled / sum:G6} times the sum of the unreduced losses over {_prediction.RowCount} samples, but {scaledPart / partOfSum:G6} times over the first {part}."));
    }

    private static double Sum(Matrix<T> losses)
    {
        var sum = 0.0;
        foreach (var value in losses.Span()) sum += double.CreateTruncating(value);
        return sum;
    }

    private static Matrix<T> NaNs(Matrix<T> like) => Matrix<T>.Build.Dense(like.RowCount, like.ColumnCount, T.NaN);

    private void Unchanged()
    {
        if (!Bits.Same(_prediction, prediction)) Problems.Add("The loss changed its prediction.");
        if (!Bits.Same(_target, _originalTarget)) Problems.Add("The loss changed its target.");
        prediction.CopyTo(_prediction);
        _originalTarget.CopyTo(_target);
    }

    private bool Attempt(string what, Action run)
    {
        try
        {
            run();
            return true;
        }
        catch (ArgumentException refusal) when (refusal.ParamName is "prediction" or "target" && Problems.Count == 0 && what == "The loss")
        {
            throw;
        }
        catch (Exception exception) when (LayerProbe<T>.IsAnswer(exception))
        {
            Problems.Add(LayerProbe<T>.Sentence(what, exception));
            return false;
        }
    }
}
