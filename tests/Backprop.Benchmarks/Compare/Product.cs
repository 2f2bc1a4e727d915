using System.Numerics;
using Backprop.Kernels;
using Backprop.Torch;
using MathNet.Numerics.LinearAlgebra;
using TorchSharp;

namespace Backprop.Benchmarks;

/// <summary>The three products of a linear layer.</summary>
internal enum ProductKind
{
    /// <summary>Y = X W^T.</summary>
    Forward,

    /// <summary>dX = dY W.</summary>
    InputGradient,

    /// <summary>dW += dY^T X.</summary>
    WeightGradient,
}

/// <summary>One of our products of two square matrices.</summary>
internal sealed class OurProduct<T>(ProductKind kind, int size) : ISide where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Matrix<T> _a = NewLeft(size), _b = NewRight(size);

    public static Matrix<T> NewLeft(int size) => Data.Uniform<T>(size, size, seed: 6);

    public static Matrix<T> NewRight(int size) => Data.Uniform<T>(size, size, seed: 7);

    public Matrix<T> Result { get; } = Matrix<T>.Build.Dense(size, size);

    public void Run(int times)
    {
        Span<T> a = _a.Span(), b = _b.Span(), c = Result.Span();
        for (var i = 0; i < times; i++)
        {
            switch (kind)
            {
                case ProductKind.Forward: Products.TimesTransposed(a, b, [], c, size, size, size); break;
                case ProductKind.InputGradient: Products.Times(a, b, c, size, size, size); break;
                default: Products.AddTransposeTimes(a, b, c, size, size, size); break;
            }
        }
    }

    public void Dispose() { }
}

/// <summary>TorchSharp's, into a tensor that is there already: no slower than torch.mm, which takes a new one.</summary>
internal sealed class TorchProduct<T> : ISide where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly torch.Tensor _a, _b, _left, _right;
    private readonly float _beta;

    public TorchProduct(ProductKind kind, int size)
    {
        (_a, _b) = (OurProduct<T>.NewLeft(size).ToTensor(), OurProduct<T>.NewRight(size).ToTensor());
        Result = torch.zeros(size, size, TorchModel.TypeOf<T>());
        _left = kind == ProductKind.WeightGradient ? _a.t() : _a.alias();
        _right = kind == ProductKind.Forward ? _b.t() : _b.alias();
        _beta = kind == ProductKind.WeightGradient ? 1 : 0;
    }

    public torch.Tensor Result { get; }

    public void Run(int times)
    {
        using var mode = torch.inference_mode();
        for (var i = 0; i < times; i++) Result.addmm_(_left, _right, beta: _beta, alpha: 1);
    }

    public void Dispose()
    {
        foreach (var tensor in (torch.Tensor[])[_a, _b, _left, _right, Result]) tensor.Dispose();
    }
}
