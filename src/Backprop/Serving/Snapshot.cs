using System.Numerics;
using Backprop.Kernels;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>A model's weights as they were: chains of linear layers and activations, and clones of the layers between.</summary>
internal sealed class Snapshot<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    // Each stage is one or the other.
    private readonly List<(LinearChain<T>? Chain, Layer<T>? Layer)> _stages = [];
    private readonly Layer<T>? _rows;       // says how many rows come out; null where as many as went in
    private Workspace?[]? _free;

    internal Snapshot(Layer<T> model, int inputColumns, bool foldBatchNorm)
    {
        OutputColumns = model.OutputColumns(inputColumns);
        LinearChain<T>? chain = null;
        foreach (var layer in Leaves(model))
        {
            switch (layer)
            {
                case Identity<T> or Dropout<T>:
                    break;
                case Linear<T> linear:
                    if (chain is null) _stages.Add((chain = new(), null));
                    chain.Add(linear);
                    break;
                case BatchNorm1d<T> { RunningMean: not null } norm when foldBatchNorm && chain is { EndsLinear: true }:
                    chain.Fold(norm);
                    break;
                case VectorizedActivation<T> activation when chain is not null:
                    chain.Add(activation);      // its formula never changes
                    break;
                default:
                    chain?.Pack();
                    chain = null;
                    _stages.Add((null, layer.Clone()));
                    break;
            }
        }

        chain?.Pack();
        if (_stages.Any(stage => stage.Layer is not null)) _rows = model;
    }

    internal int OutputColumns { get; }

    internal int OutputRows(int rows) => _rows?.OutputRows(rows) ?? rows;

    /// <summary>Computes the output for some rows.</summary>
    /// <param name="x">The input.</param>
    /// <param name="matrix">The matrix that it is, where it lies column after column.</param>
    /// <param name="rows">Its rows.</param>
    /// <param name="y">Receives the output.</param>
    /// <param name="byRows">Whether x and y lie row after row, rather than column after column.</param>
    internal void Run(ReadOnlySpan<T> x, Matrix<T>? matrix, int rows, Span<T> y, bool byRows)
    {
        if (_stages is [({ } only, null)])
        {
            only.Run(x, byRows, rows, y, byRows);
            return;
        }

        if (_stages.Count == 0)
        {
            x.CopyTo(y);
            return;
        }

        var workspace = Take();
        try
        {
            for (var i = 0; i < _stages.Count; i++)
            {
                var (chain, layer) = _stages[i];
                var isLast = i == _stages.Count - 1;
                if (chain is not null)
                {
                    var to = isLast ? y : (matrix = workspace.Matrices[i].Get(rows, chain.Outputs, matrix)).Span();
                    chain.Run(x, byRows && i == 0, rows, to, byRows && isLast);
                    x = to;
                    continue;
                }

                if (matrix is null) LinearChain<T>.Transposed(x, rows, (matrix = workspace.Matrices[i].Get(rows, x.Length / rows)).Span(), toRows: false);
                matrix = workspace.Passes[i]!.Forward(matrix);
                x = matrix.Span();
                rows = matrix.RowCount;
                if (!isLast) continue;
                if (byRows) LinearChain<T>.Transposed(x, rows, y, toRows: true);
                else x.CopyTo(y);
            }
        }
        finally
        {
            Give(workspace);
        }
    }

    private static IEnumerable<Layer<T>> Leaves(Layer<T> model) => model is Sequential<T> ? model.Children.SelectMany(child => Leaves(child.Layer)) : [model];

    private Workspace Take()
    {
        if (_free is { } free)
        {
            for (var i = 0; i < free.Length; i++)
                if (Volatile.Read(ref free[i]) is not null && Interlocked.Exchange(ref free[i], null) is { } workspace) return workspace;
        }

        return new(_stages);
    }

    private void Give(Workspace workspace)
    {
        var free = _free ?? Interlocked.CompareExchange(ref _free, new Workspace?[Environment.ProcessorCount + 1], null) ?? _free;
        for (var i = 0; i < free.Length; i++)
            if (Volatile.Read(ref free[i]) is null && Interlocked.CompareExchange(ref free[i], workspace, null) is null) return;
    }

    /// <summary>What one prediction at a time writes to.</summary>
    private sealed class Workspace(List<(LinearChain<T>? Chain, Layer<T>? Layer)> stages)
    {
        internal ForwardPass<T>?[] Passes { get; } = [.. stages.Select(stage => stage.Layer is null ? null : ForwardPass<T>.Made(stage.Layer, training: false))];

        internal ReusedMatrix<T>[] Matrices { get; } = new ReusedMatrix<T>[stages.Count];
    }
}
