using System.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>What a recurrent layer knows between two steps, or the gradient of that: a matrix (N x H) for each of its layers and directions, layer after layer, forward before reverse.</summary>
/// <remarks>PyTorch's h_n and c_n, seen as matrices.</remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class RecurrentState<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Matrix<T>[] _hidden, _cell;

    /// <summary>Takes matrices by reference.</summary>
    /// <param name="hidden">h, for each layer and direction.</param>
    /// <param name="cell">c, likewise, for an LSTM; none for others.</param>
    /// <exception cref="ArgumentNullException"><paramref name="hidden"/> is null.</exception>
    public RecurrentState(IReadOnlyList<Matrix<T>> hidden, IReadOnlyList<Matrix<T>>? cell = null) => (_hidden, _cell) = ([.. Expect.NotNull(hidden)], [.. cell ?? []]);

    /// <summary>h, for each layer and direction, N x H.</summary>
    public IReadOnlyList<Matrix<T>> Hidden => _hidden;

    /// <summary>c, for each layer and direction, N x H; empty where there is no such state.</summary>
    public IReadOnlyList<Matrix<T>> Cell => _cell;

    /// <summary>A copy, which no pass overwrites.</summary>
    public RecurrentState<T> Clone() => new([.. _hidden.Select(matrix => matrix.Clone())], [.. _cell.Select(matrix => matrix.Clone())]);

    internal Span<T> HiddenOf(int track) => _hidden[track].Span();

    internal Span<T> CellOf(int track) => _cell[track].Span();

    internal void Put(int track, Matrix<T> hidden, Matrix<T>? cell)
    {
        _hidden[track] = hidden;
        if (cell is not null) _cell[track] = cell;
    }

    /// <summary>Refuses what is no state of a layer for so many sequences.</summary>
    internal void Require(object owner, string name, int tracks, int sequences, int hiddenSize, bool hasCell)
    {
        RequireAll(_hidden, $"{name}.{nameof(Hidden)}", tracks);
        RequireAll(_cell, $"{name}.{nameof(Cell)}", hasCell ? tracks : 0);

        void RequireAll(Matrix<T>[] matrices, string of, int count)
        {
            if (matrices.Length != count) throw new ArgumentException($"{owner} expects {of} to have {Signature.Number(count)} matri{(count == 1 ? "x" : "ces")}, one for each layer and direction, but it has {Signature.Number(matrices.Length)}.", name);
            for (var i = 0; i < matrices.Length; i++)
                if (matrices[i].Entries() is null || matrices[i].RowCount != sequences || matrices[i].ColumnCount != hiddenSize)
                    Operand.Exactly(owner, matrices[i], sequences, hiddenSize, $"{of}[{Signature.Number(i)}]");
        }
    }
}
