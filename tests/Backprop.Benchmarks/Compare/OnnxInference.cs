using MathNet.Numerics.LinearAlgebra;
using Microsoft.ML.OnnxRuntime;

namespace Backprop.Benchmarks;

/// <summary>ONNX Runtime's prediction, from the same weights, with input and output bound once: nothing is allocated or copied on the way.</summary>
internal sealed class OnnxInference : ISide
{
    private readonly SessionOptions _options = new() { GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_ALL, InterOpNumThreads = 1 };
    private readonly RunOptions _run = new();
    private readonly InferenceSession _session;
    private readonly OrtIoBinding _binding;
    private readonly OrtValue _x, _y;
    private readonly float[] _output;
    private readonly Network _network;

    public OnnxInference(Network network, int threads)
    {
        _network = network;
        _options.IntraOpNumThreads = threads;
        _session = new(OnnxModel.Of(network), _options);
        _output = new float[network.Batch * network.Sizes[^1]];
        _x = OrtValue.CreateTensorValueFromMemory(network.NewInput<float>().ToRowMajorArray(), [network.Batch, network.Sizes[0]]);
        _y = OrtValue.CreateTensorValueFromMemory(_output, [network.Batch, network.Sizes[^1]]);
        _binding = _session.CreateIoBinding();
        _binding.BindInput("x", _x);
        _binding.BindOutput("y", _y);
    }

    public Matrix<float> Output
    {
        get
        {
            Run(1);
            return Matrix<float>.Build.DenseOfRowMajor(_network.Batch, _network.Sizes[^1], _output);
        }
    }

    public void Run(int times)
    {
        for (var i = 0; i < times; i++) _session.RunWithBinding(_run, _binding);
    }

    public void Dispose()
    {
        foreach (var part in (IDisposable[])[_binding, _x, _y, _session, _run, _options]) part.Dispose();
    }
}
