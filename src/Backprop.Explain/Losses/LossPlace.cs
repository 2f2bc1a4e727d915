using System.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop.Explain;

/// <summary>A loss at the end of an explained network, or a part of one: columns of the prediction and of the target.</summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
internal sealed class LossPlace<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Network<T> _network;
    private readonly Quantity _p, _t;
    private readonly int _firstP, _firstT;
    private readonly string _path;
    private readonly List<(string, Quantity)> _legend;

    public LossPlace(Network<T> network, string path, Loss<T> loss, Matrix<T> prediction, Matrix<T> target, Quantity p, int firstP, Quantity t, int firstT, List<(string, Quantity)> legend)
    {
        (_network, _path, Loss, PredictionMatrix, TargetMatrix, _p, _firstP, _t, _firstT, _legend) = (network, path, loss, prediction, target, p, firstP, t, firstT, legend);
        Divisor = loss.Reduction == Reduction.Mean ? loss.Divisor(prediction, target) : 1;
    }

    public Loss<T> Loss { get; }

    public Matrix<T> PredictionMatrix { get; }

    public Matrix<T> TargetMatrix { get; }

    public int Rows => PredictionMatrix.RowCount;

    public int Columns => PredictionMatrix.ColumnCount;

    /// <summary>What the mean divides by; 1 for a sum.</summary>
    public double Divisor { get; }

    public Expression Prediction(int i, int k) => _p[i, _firstP + k];

    public Expression Target(int i, int k) => _t[i, _firstT + k];

    public Quantity Define(string name, int rows, int columns, Expression formula, Func<int, int, Expression> numbers, string symbol)
    {
        var quantity = _network.Add(new($"{_path}.{name}", QuantityKind.Value, 2, rows, columns, null));
        quantity.Add(new(null, formula, numbers));
        _legend.Add((symbol, quantity));
        return quantity;
    }

    public Quantity Keep(string name, Matrix<T> values, string symbol)
    {
        var quantity = _network.Add(new($"{_path}.{name}", QuantityKind.Value, 2, values.RowCount, values.ColumnCount, Network<T>.Copy(values)));
        quantity.Add(new(null, null, (_, _) => null, IsGeneric: true, Note: "The loss before it is reduced, as the library computes it."));
        _legend.Add((symbol, quantity));
        return quantity;
    }

    /// <summary>The place of a part that works on other columns.</summary>
    public LossPlace<T> Part(LossPart<T> part, Matrix<T> prediction, Matrix<T> target) => new(_network, $"{_path}.{part.Name}", part.Loss, prediction, target,
        _p, _firstP + part.Prediction.GetOffsetAndLength(Columns).Offset, _t, _firstT + part.Target.GetOffsetAndLength(TargetMatrix.ColumnCount).Offset, _legend);
}
