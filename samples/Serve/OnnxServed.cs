using Backprop;
using Backprop.Onnx;
using Microsoft.ML.OnnxRuntime;
using SessionOptions = Microsoft.ML.OnnxRuntime.SessionOptions;

namespace Samples.Serve;

/// <summary>ONNX Runtime with the exported model. A session takes any number of callers at once.</summary>
internal sealed class OnnxServed : IDisposable
{
    private readonly RunOptions _run = new();
    private readonly InferenceSession _session;

    internal OnnxServed(Layer<float> model)
    {
        // A service would read the file that a training wrote: model.ExportOnnx("digits.onnx").
        using var options = new SessionOptions { IntraOpNumThreads = 1 };
        _session = new(model.ToOnnx(), options);
    }

    internal void Predict(ReadOnlySpan<float> x, Span<float> y)
    {
        using var input = OrtValue.CreateTensorValueFromMemory(x.ToArray(), [1, x.Length]);
        using var outputs = _session.Run(_run, ["x"], [input], ["y"]);
        outputs[0].GetTensorDataAsSpan<float>().CopyTo(y);
    }

    public void Dispose()
    {
        _session.Dispose();
        _run.Dispose();
    }
}

internal delegate void Predict(ReadOnlySpan<float> x, Span<float> y);
