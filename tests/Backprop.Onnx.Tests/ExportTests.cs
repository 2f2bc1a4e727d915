using System.Numerics;
using Backprop.Tests;
using Xunit;

namespace Backprop.Onnx.Tests;

public abstract class ExportTests<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private static readonly IReadOnlyList<Case<T>> Cases = Catalogue.Of<T>();

    public static IEnumerable<TheoryDataRow<int, string>> Each => Cases.Select((one, i) => new TheoryDataRow<int, string>(i, $"{one}"));

    [Theory]
    [MemberData(nameof(Each))]
    public void Every_layer_gives_in_ONNX_Runtime_what_it_gives_here(int index, string text)
    {
        var one = Cases[index];
        _ = text;
        foreach (var opset in new[] { OnnxOpset.Oldest, OnnxOpset.Usual, OnnxOpset.Newest })
            Runtime.Agrees(one.Layer, one.Layer.ToOnnx(one.Columns, new() { Opset = opset }), one.Input(3, 1), one.Input(1, 2), one.Input(7, 3));
    }
}

public sealed class ExportDoubleTests : ExportTests<double>;

public sealed class ExportSingleTests : ExportTests<float>;
