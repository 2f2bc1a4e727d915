using System.Numerics;

namespace Backprop.Kernels;

/// <summary>Normalises each group of channels of each image, with the room that takes. A group's columns lie side by side, so it is a matrix whose rows are normalised.</summary>
internal sealed class GroupNormalization<T>(int groups, ImageShape shape) where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Moments<T>[] _moments = [.. Enumerable.Range(0, groups).Select(_ => new Moments<T>())];
    private readonly int _pixels = shape.Height * shape.Width, _channels = shape.Channels / groups;

    // A weight and a bias for each column, and their gradients: allocated when they are needed first.
    private T[] _weight = [], _bias = [], _dWeight = [], _dBias = [];

    /// <summary>The moments of each group: of as many rows as there are samples.</summary>
    public ReadOnlySpan<Moments<T>> Moments => _moments;

    /// <summary>y = x̂ w + b.</summary>
    public void Forward(T epsilon, ReadOnlySpan<T> x, VectorParameter<T>? weight, VectorParameter<T>? bias, Span<T> y, int samples)
    {
        Spread(weight, ref _weight);
        Spread(bias, ref _bias);
        var columns = _channels * _pixels;
        for (var group = 0; group < groups; group++)
        {
            var (from, count) = (group * columns * samples, columns * samples);
            RowNormalization.Forward(true, epsilon, x.Slice(from, count), Of(_weight, group), Of(_bias, group), _moments[group], y.Slice(from, count), samples, columns);
        }
    }

    /// <summary>dX = r (dX̂ - mean(dX̂) - x̂ mean(dX̂ x̂)), dw += Σ dY x̂, db += Σ dY; an empty dX is left out, and a gradient that nobody learns from.</summary>
    public void Backward(ReadOnlySpan<T> x, ReadOnlySpan<T> dY, VectorParameter<T>? weight, VectorParameter<T>? bias, Span<T> dX, int samples)
    {
        Spread(weight, ref _weight);
        Clear(weight, ref _dWeight);
        Clear(bias, ref _dBias);
        var columns = _channels * _pixels;
        for (var group = 0; group < groups; group++)
        {
            var (from, count) = (group * columns * samples, columns * samples);
            RowNormalization.Backward(
                true, x.Slice(from, count), dY.Slice(from, count), Of(_weight, group), _moments[group], weight is { Frozen: false } ? Of(_dWeight, group) : [], bias is { Frozen: false } ? Of(_dBias, group) : [],
                dX.IsEmpty ? [] : dX.Slice(from, count), samples, columns);
        }

        Gather(weight, _dWeight);
        Gather(bias, _dBias);
    }

    private Span<T> Of(T[] values, int group) => values.Length == 0 ? [] : values.AsSpan(group * _channels * _pixels, _channels * _pixels);

    private void Spread(VectorParameter<T>? parameter, ref T[] columns)
    {
        if (parameter is null) return;
        if (columns.Length == 0) columns = new T[shape.Columns];
        for (var c = 0; c < shape.Channels; c++) columns.AsSpan(c * _pixels, _pixels).Fill(parameter.Values[c]);
    }

    private void Clear(VectorParameter<T>? parameter, ref T[] columns)
    {
        if (parameter is null or { Frozen: true }) return;
        if (columns.Length == 0) columns = new T[shape.Columns];
        else Array.Clear(columns);
    }

    private void Gather(VectorParameter<T>? parameter, T[] columns)
    {
        if (parameter is null or { Frozen: true }) return;
        Reductions.AddColumnSums(columns, _pixels, parameter.Gradients);
    }
}
