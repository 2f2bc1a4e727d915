using System.Numerics;
using Backprop.Kernels;
using BenchmarkDotNet.Attributes;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop.Benchmarks;

/// <summary>The three products of a linear layer, with n = m = k = <see cref="Size"/>, and MathNet's own.</summary>
[MemoryDiagnoser]
[GenericTypeArguments(typeof(float))]
[GenericTypeArguments(typeof(double))]
public class ProductBenchmarks<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private Matrix<T> _a = null!, _b = null!, _c = null!;

    [Params(8, 64, 256, 1024)]
    public int Size { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        (_a, _b) = (OurProduct<T>.NewLeft(Size), OurProduct<T>.NewRight(Size));
        _c = Matrix<T>.Build.Dense(Size, Size);
    }

    [Benchmark(Baseline = true)]
    public void MathNet() => _a.TransposeAndMultiply(_b, _c);

    [Benchmark]
    public void TimesTransposed() => Products.TimesTransposed(_a.Span(), _b.Span(), [], _c.Span(), Size, Size, Size);

    [Benchmark]
    public void Times() => Products.Times(_a.Span(), _b.Span(), _c.Span(), Size, Size, Size);

    [Benchmark]
    public void AddTransposeTimes() => Products.AddTransposeTimes(_a.Span(), _b.Span(), _c.Span(), Size, Size, Size);
}
