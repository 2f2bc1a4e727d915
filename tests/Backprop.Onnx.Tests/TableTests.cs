using System.Numerics;
using Backprop.Tests.Docs;
using Backprop.Tests;
using FluentAssertions;
using Xunit;

namespace Backprop.Onnx.Tests;

/// <summary>The table of docs/onnx.md is what is written. <c>UPDATE_ONNX_TABLE=1</c> writes it anew.</summary>
public sealed class TableTests
{
    private const string Begin = "<!-- written by the suite -->\n", End = "<!-- until here -->";

    [Fact]
    public void Every_layer_of_the_library_is_in_the_catalogue()
    {
        var layers = typeof(Layer<>).Assembly.GetExportedTypes().Where(type => type is { IsAbstract: false, IsGenericTypeDefinition: true } && IsLayer(type)).Select(type => type.Name.Split('`')[0]);
        Catalogue.Of<double>().Select(one => one.Kind).Distinct().Should().BeEquivalentTo(layers);

        static bool IsLayer(Type type) => type.BaseType is { IsGenericType: true } parent && (parent.GetGenericTypeDefinition() == typeof(Layer<>) || IsLayer(parent.GetGenericTypeDefinition()));
    }

    [Fact]
    public void The_table_in_the_documentation_is_what_is_written()
    {
        var (singles, doubles) = (Rows<float>(), Rows<double>());
        var table = "| layer | in float | in double |\n|---|---|---|\n" + string.Concat(singles.Keys.Order(StringComparer.Ordinal).Select(kind => $"| `{kind}` | {singles[kind]} | {(doubles[kind] == singles[kind] ? "the same" : doubles[kind])} |\n"));
        var text = Repository.Read("docs/onnx.md");
        var (begin, end) = (text.IndexOf(Begin, StringComparison.Ordinal) + Begin.Length, text.IndexOf(End, StringComparison.Ordinal));
        if (Environment.GetEnvironmentVariable("UPDATE_ONNX_TABLE") is not null) File.WriteAllText(Path.Combine(Repository.Root, "docs", "onnx.md"), $"{text[..begin]}{table}{text[end..]}");
        else text[begin..end].Should().Be(table, "UPDATE_ONNX_TABLE=1 writes it anew");
    }

    /// <summary>For each kind of layer the operators that it is written with, in the order in which they come, but for those that only change shapes. Its children are written as what they are.</summary>
    private static Dictionary<string, string> Rows<T>() where T : unmanaged, IFloatingPointIeee754<T>
    {
        string[] shapes = ["Identity", "Reshape", "Transpose", "Shape"];
        return Catalogue.Of<T>().GroupBy(one => one.Kind).ToDictionary(group => group.Key, group =>
        {
            var all = group.SelectMany(one => Operators(Reader.Read(one.Layer.ToOnnx(one.Columns)).Graph)).Distinct().ToList();
            var telling = all.Except(shapes).ToList() is { Count: > 0 } some ? some : all.Where(op => op != "Identity").ToList();
            if (group.Any(one => one.Layer.Children.Count > 0)) telling.Add("its layers");
            return telling.Count > 0 ? string.Join(", ", telling) : "nothing";
        });
    }

    // A layer's own nodes are /Gemm, those of its children /linear1/Gemm.
    private static IEnumerable<string> Operators(Graph graph) =>
        graph.Nodes.Where(node => node.Name.LastIndexOf('/') == 0).SelectMany(node => node.Attributes.Select(setting => setting.Value).OfType<Graph>().SelectMany(Operators).Prepend(node.Op));
}
