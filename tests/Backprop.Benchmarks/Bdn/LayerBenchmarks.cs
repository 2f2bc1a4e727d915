using System.Numerics;
using BenchmarkDotNet.Attributes;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop.Benchmarks;

/// <summary>Layers on a batch of 32 rows of 128, with a reused pass.</summary>
[MemoryDiagnoser]
[GenericTypeArguments(typeof(float))]
[GenericTypeArguments(typeof(double))]
public class LayerBenchmarks<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private Matrix<T> _x = null!, _dY = null!;
    private ForwardPass<T> _pass = null!;

    /// <summary>The layers: a linear one, and every elementwise one.</summary>
    public static IEnumerable<string> Layers => Elementwise<T>.All.Select(layer => layer.Name).Prepend("Linear");

    [ParamsSource(nameof(Layers))]
    public string Layer { get; set; } = "";

    [GlobalSetup]
    public void Setup()
    {
        var layer = Elementwise<T>.All.FirstOrDefault(layer => layer.Name == Layer)?.Ours() ?? new Linear<T>(OurElementwise<T>.Columns, OurElementwise<T>.Columns);
        _pass = layer.NewPass();
        _x = OurElementwise<T>.NewInput();
        _dY = OurElementwise<T>.NewUpstream();
        layer.Forward(_x, _pass);
    }

    [Benchmark]
    public Matrix<T> Forward() => _pass.Layer.Forward(_x, _pass);

    [Benchmark]
    public Matrix<T> Backward() => _pass.Layer.Backward(_pass, _dY);
}
