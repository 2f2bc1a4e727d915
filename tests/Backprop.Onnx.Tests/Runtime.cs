using System.Numerics;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Microsoft.ML.OnnxRuntime;

namespace Backprop.Onnx.Tests;

/// <summary>ONNX Runtime, which serves what was exported.</summary>
internal static class Runtime
{
    private const OrtLoggingLevel OnlyErrors = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR;

    /// <summary>What it gives for a matrix.</summary>
    public static Matrix<T> Run<T>(byte[] model, Matrix<T> x) where T : unmanaged, IFloatingPointIeee754<T>
    {
        using var session = Open(model);
        return Run(session, x);
    }

    public static InferenceSession Open(byte[] model)
    {
        using var options = new SessionOptions { IntraOpNumThreads = 1, LogSeverityLevel = OnlyErrors };
        return new(model, options);
    }

    public static Matrix<T> Run<T>(InferenceSession session, Matrix<T> x) where T : unmanaged, IFloatingPointIeee754<T>
    {
        using var run = new RunOptions { LogSeverityLevel = OnlyErrors };
        using var input = OrtValue.CreateTensorValueFromMemory(x.ToRowMajorArray(), [x.RowCount, x.ColumnCount]);
        using var outputs = session.Run(run, session.InputNames, [input], session.OutputNames);
        var shape = outputs[0].GetTensorTypeAndShape().Shape;
        shape.Should().HaveCount(2);
        return Matrix<T>.Build.DenseOfRowMajor((int)shape[0], (int)shape[1], outputs[0].GetTensorDataAsSpan<T>().ToArray());
    }

    /// <summary>Compares what it gives with what the network gives: within 1e-5 in float and 1e-12 in double, of 1 or of the number where that is larger.</summary>
    public static void Agrees<T>(Layer<T> layer, byte[] model, params IEnumerable<Matrix<T>> inputs) where T : unmanaged, IFloatingPointIeee754<T>
    {
        using var session = Open(model);
        foreach (var x in inputs) Same(Run(session, x), layer.Forward(x), $"{layer} of {x}");
    }

    public static void Same<T>(Matrix<T> actual, Matrix<T> expected, string of) where T : unmanaged, IFloatingPointIeee754<T>
    {
        (actual.RowCount, actual.ColumnCount).Should().Be((expected.RowCount, expected.ColumnCount));
        var tolerance = T.CreateChecked(typeof(T) == typeof(double) ? 1e-12 : 1e-5);
        for (var i = 0; i < actual.RowCount; i++)
            for (var j = 0; j < actual.ColumnCount; j++)
            {
                var (a, b) = (actual[i, j], expected[i, j]);
                if (a == b || (T.IsNaN(a) && T.IsNaN(b)) || (T.IsFinite(b) && T.Abs(a - b) <= tolerance * (T.One + T.Abs(b)))) continue;
                Xunit.Assert.Fail(FormattableString.Invariant($"[{i}, {j}] is {a} there and {b} here, {T.Abs(a - b)} apart: {of}"));
            }
    }
}
