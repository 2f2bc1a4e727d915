using System.Globalization;
using System.Numerics;
using Backprop.Checks;
using Backprop.Kernels;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>A model's weights as they were: chains of linear layers and activations, and clones of the layers between.</summary>
internal sealed class Snapshot<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    // Each stage is a chain or a layer.
    private readonly List<(LinearChain<T>? Chain, Layer<T>? Layer, string Path)> _stages = [];
    private readonly Layer<T>? _clone;      // null where all is in chains
    private readonly Pool<Workspace> _workspaces = new();

    internal Snapshot(Layer<T> model, int inputColumns, bool foldBatchNorm)
    {
        OutputColumns = Declared(model, inputColumns);
        var places = Leaves(model, "").ToList();
        if (!IsChain(places))
        {
            model.RequireSize();
            _clone = model.CloneWith(new());    // all at once: layers may know of each other
            places = [.. Leaves(_clone, "")];
        }

        LinearChain<T>? chain = null;
        foreach (var (layer, path) in places)
        {
            switch (layer)
            {
                case Identity<T> or Dropout<T>:
                    break;
                case Linear<T> linear when PackedWeight<T>.Fits(linear.OutFeatures, linear.InFeatures):
                    if (chain is null) _stages.Add((chain = new(), null, path));
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
                    _stages.Add((null, layer, path));
                    break;
            }
        }

        chain?.Pack();
        _workspaces.Give(new(_stages));     // so that what is wrong with a layer's passes is said now

        bool IsChain(List<(Layer<T> Layer, string Path)> places)
        {
            var linear = false;
            foreach (var (layer, _) in places)
            {
                if (layer is Identity<T> or Dropout<T>) continue;
                if (layer is Linear<T> found) linear = PackedWeight<T>.Fits(found.OutFeatures, found.InFeatures);
                if (!linear || layer is not (Linear<T> or VectorizedActivation<T>)) return false;
            }

            return true;
        }
    }

    internal int OutputColumns { get; }

    internal int OutputRows(int rows) => _clone?.DeclaredRows(rows) ?? rows;

    /// <summary>Computes the output for some rows.</summary>
    /// <param name="x">The input.</param>
    /// <param name="matrix">The matrix that it is, where it lies column after column.</param>
    /// <param name="rows">Its rows.</param>
    /// <param name="columns">Its columns.</param>
    /// <param name="y">Receives the output.</param>
    /// <param name="byRows">Whether x and y lie row after row, rather than column after column.</param>
    /// <param name="lengths">How many of its rows each sequence really has; empty where all have all.</param>
    internal void Run(ReadOnlySpan<T> x, Matrix<T>? matrix, int rows, int columns, Span<T> y, bool byRows, ReadOnlyMemory<int> lengths)
    {
        if (_stages is [({ } only, null, _)])
        {
            only.Run(x, byRows, rows, y, byRows);
            return;
        }

        if (_stages.Count == 0)
        {
            x.CopyTo(y);
            return;
        }

        var workspace = _workspaces.Take() ?? new(_stages);
        workspace.Tell(lengths);
        try
        {
            for (var i = 0; i < _stages.Count; i++)
            {
                var (chain, layer, path) = _stages[i];
                var isLast = i == _stages.Count - 1;
                if (chain is not null)
                {
                    var to = isLast ? y : (matrix = workspace.Matrices[i].Get(rows, chain.Outputs, matrix)).Span();
                    chain.Run(x, byRows && i == 0, rows, to, byRows && isLast);
                    x = to;
                    columns = chain.Outputs;
                    continue;
                }

                if (matrix is null)
                {
                    matrix = workspace.Matrices[i].Get(rows, columns);
                    LinearChain<T>.Transposed(x, rows, columns, matrix.Span(), toRows: false);
                }

                try
                {
                    matrix = workspace.Passes[i]!.Forward(matrix);
                }
                catch (ArgumentException refusal) when (path.Length > 0)
                {
                    throw RefusalInStepException.In(path, refusal);
                }

                x = matrix.Span();
                (rows, columns) = (matrix.RowCount, matrix.ColumnCount);
                if (!isLast) continue;
                Lengths.MustAgree(x.Length, y.Length);
                if (byRows) LinearChain<T>.Transposed(x, rows, columns, y, toRows: true);
                else x.CopyTo(y);
            }
        }
        finally
        {
            workspace.Tell(default);        // and keeps nobody's
            _workspaces.Give(workspace);
        }
    }

    private static IEnumerable<(Layer<T> Layer, string Path)> Leaves(Layer<T> model, string path) => model is Sequential<T>
        ? model.Children.SelectMany(child => Leaves(child.Layer, path.Length == 0 ? child.Name : $"{path}.{child.Name}"))
        : [(model, path)];

    private static int Declared(Layer<T> model, int inputColumns)
    {
        try
        {
            return model.DeclaredColumns(inputColumns);
        }
        catch (ShapeRefusedException refusal)
        {
            throw refusal.At("", string.Create(CultureInfo.InvariantCulture, $"to have {inputColumns}"), inputColumns);
        }
    }

    /// <summary>What one prediction at a time writes to.</summary>
    private sealed class Workspace(List<(LinearChain<T>? Chain, Layer<T>? Layer, string Path)> stages)
    {
        internal ForwardPass<T>?[] Passes { get; } = [.. stages.Select(stage => stage.Layer is null ? null : ForwardPass<T>.Made(stage.Layer, training: false))];

        internal ReusedMatrix<T>[] Matrices { get; } = new ReusedMatrix<T>[stages.Count];

        internal void Tell(ReadOnlyMemory<int> lengths)
        {
            foreach (var pass in Passes)
                if (pass is not null) pass.SequenceLengths = lengths;
        }
    }
}
