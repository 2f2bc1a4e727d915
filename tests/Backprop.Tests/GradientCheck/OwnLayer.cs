using System.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop.Tests;

/// <summary>A layer made of two functions, by the public API only, to be wrong with.</summary>
internal sealed class OwnLayer<T>(
    Func<OwnLayer<T>, Matrix<T>, ForwardPass<T>, Matrix<T>> forward, Func<OwnLayer<T>, ForwardPass<T>, Matrix<T>, Matrix<T>?> backward, Func<int, int>? columns = null, Func<int, int>? rows = null) : Layer<T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>What a layer must not keep.</summary>
    public Matrix<T>? Kept { get; set; }

    public VectorParameter<T> Scale { get; private set; } = null!;

    public VectorBuffer<T> Mean { get; private set; } = null!;

    public Generator Generator { get; private set; } = null!;

    public OwnLayer<T> WithScale(int count)
    {
        Scale = Register(new VectorParameter<T>("scale", count));
        for (var j = 0; j < count; j++) Scale.Value[j] = T.CreateChecked(1.5 - j);
        return this;
    }

    public OwnLayer<T> WithMean(int count)
    {
        Mean = RegisterBuffer(new VectorBuffer<T>("mean", count));
        return this;
    }

    public OwnLayer<T> With(Generator generator)
    {
        Generator = Register(generator);
        return this;
    }

    public override int OutputColumns(int inputColumns) => (columns ?? (count => count))(inputColumns);

    public override int OutputRows(int inputRows) => (rows ?? (count => count))(inputRows);

    public override string ToString() => "OwnLayer()";

    protected override Matrix<T> ForwardCore(Matrix<T> x, ForwardPass<T> pass) => forward(this, x, pass);

    protected override Matrix<T>? BackwardCore(ForwardPass<T> pass, Matrix<T> dY) => backward(this, pass, dY);

    /// <summary>y = x^2.</summary>
    public static Matrix<T> Square(OwnLayer<T> layer, Matrix<T> x, ForwardPass<T> pass)
    {
        var y = pass.NewOutput(x.RowCount, x.ColumnCount);
        x.PointwiseMultiply(x, y);
        return y;
    }

    /// <summary>dX = 2 x dY.</summary>
    public static Matrix<T> SquareBackward(OwnLayer<T> layer, ForwardPass<T> pass, Matrix<T> dY)
    {
        var dX = pass.NewInputGradient();
        pass.Input.PointwiseMultiply(dY, dX);
        dX.Multiply(T.CreateChecked(2), dX);
        return dX;
    }
}
