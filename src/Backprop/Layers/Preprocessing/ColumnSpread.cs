using System.Globalization;
using System.Numerics;

namespace Backprop;

/// <summary>The smallest and the largest value of each column; what is not finite, and columns that never change, are refused.</summary>
/// <param name="layer">Who expects it, for the message.</param>
/// <param name="allowConstant">Whether a column may never change.</param>
/// <param name="then">What becomes of such a column.</param>
internal sealed class ColumnSpread<T>(Preprocessing<T> layer, bool allowConstant, string then) where T : unmanaged, IFloatingPointIeee754<T>
{
    public T[] Min { get; } = new T[layer.NumFeatures];

    public T[] Max { get; } = new T[layer.NumFeatures];

    public void Take(long row, int column, T value)
    {
        if (!T.IsFinite(value))
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"{layer} expects to be fitted to finite values, but row {row}, column {column} is {value}{(T.IsNaN(value) ? "; Impute fills gaps" : "")}."));
        if (row == 0 || value < Min[column]) Min[column] = value;
        if (row == 0 || value > Max[column]) Max[column] = value;
    }

    public bool IsConstant(int column) => Min[column] == Max[column];

    public void Check(long rows)
    {
        for (var j = 0; j < Min.Length && !allowConstant; j++)
        {
            if (IsConstant(j))
                throw new ArgumentException(string.Create(CultureInfo.InvariantCulture,
                    $"{layer} expects to be fitted to columns that change, but column {j} is {Min[j]} in {(rows == 1 ? "the only row" : $"all {rows} rows")}: leave it out, or with allowConstant: true it {then}."));
        }
    }
}
