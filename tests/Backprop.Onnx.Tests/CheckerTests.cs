using System.Diagnostics;
using System.Globalization;
using System.Numerics;
using Backprop.Tests;
using FluentAssertions;
using Xunit;

namespace Backprop.Onnx.Tests;

/// <summary>ONNX's own checker, with its inference of shapes, reads every file that is written. Debian has it as python3-onnx, which knows opset 17 and none that is newer.</summary>
public sealed class CheckerTests(ITestOutputHelper output)
{
    private const string Script = """
        import onnx, os, sys
        checked = 0
        for file in sorted(os.listdir(sys.argv[1])):
            try:
                model = onnx.load(os.path.join(sys.argv[1], file))
                onnx.checker.check_model(model, full_check=True)
                onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True)
                checked += 1
            except Exception as refusal:
                print(f"refused {file}: {refusal}")
        print(f"ONNX {onnx.__version__} checked {checked} files")
        """;

    private static readonly string[] Pythons = ["/usr/bin/python3", "python3"];

    [Fact]
    public void ONNXs_own_checker_takes_every_layer()
    {
        var (python, newest) = Pythons.Select(command => (command, Said: Run(command, "-c", "import onnx; print(onnx.defs.onnx_opset_version())"))).FirstOrDefault(answer => answer.Said is { Code: 0 });
        if (newest is null) Assert.Skip("There is no ONNX for Python here; on Debian: apt-get install python3-onnx.");
        var directory = Directory.CreateTempSubdirectory("backprop-onnx-").FullName;
        try
        {
            int[] opsets = [.. new[] { OnnxOpset.Oldest, Math.Min(int.Parse(newest.Value.Said, CultureInfo.InvariantCulture), OnnxOpset.Newest) }.Distinct()];
            var files = Write<float>(directory, opsets) + Write<double>(directory, opsets);
            var (code, said) = Run(python, "-c", Script, directory)!.Value;
            output.WriteLine(said);
            (code, said.Split('\n').Count(line => line.StartsWith("refused", StringComparison.Ordinal))).Should().Be((0, 0), said);
            said.TrimEnd().Should().EndWith($" checked {files} files");
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static int Write<T>(string directory, int[] opsets) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var written = 0;
        foreach (var (one, i) in Catalogue.Of<T>().Select((one, i) => (one, i)))
            foreach (var opset in opsets)
            {
                File.WriteAllBytes(Path.Combine(directory, $"{opset}-{i}-{one.Kind}-{typeof(T).Name}.onnx"), one.Layer.ToOnnx(one.Columns, new() { Opset = opset }));
                written++;
            }

        return written;
    }

    private static (int Code, string Said)? Run(string command, params string[] arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(command, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            var error = process.StandardError.ReadToEndAsync();
            var said = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return (process.ExitCode, said + error.Result);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;        // there is no such program
        }
    }
}
