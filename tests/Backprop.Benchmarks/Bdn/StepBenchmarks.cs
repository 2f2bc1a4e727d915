using System.Numerics;
using BenchmarkDotNet.Attributes;

namespace Backprop.Benchmarks;

/// <summary>A training step and a forward pass of the networks that are compared with TorchSharp.</summary>
[MemoryDiagnoser]
[GenericTypeArguments(typeof(float))]
[GenericTypeArguments(typeof(double))]
public class StepBenchmarks<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private OurStep<T> _step = null!;
    private OurInference<T> _inference = null!;

    /// <summary>The networks' names.</summary>
    public static IEnumerable<string> Networks => Network.Compared.Select(network => network.ToString());

    [ParamsSource(nameof(Networks))]
    public string Name { get; set; } = "";

    [GlobalSetup]
    public void Setup()
    {
        var network = Network.Compared.Single(network => network.ToString() == Name);
        (_step, _inference) = (new OurStep<T>(network), new OurInference<T>(network));
    }

    [Benchmark]
    public double Step() => _step.Step();

    [Benchmark]
    public void Forward() => _inference.Run(1);
}
