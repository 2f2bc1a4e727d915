using System.Net;
using System.Xml.Linq;
using FluentAssertions;
using Microsoft.CodeAnalysis;
using Xunit;

namespace Backprop.Tests.Docs;

/// <summary>Every C# block of the README and of docs/ compiles, runs, and prints what the text block after it says; and every example in a doc comment compiles.</summary>
public sealed class SnippetTests
{
    // What the examples in doc comments take for granted. A variable that is not among it is let pass, with what is done to it.
    private const string Given = """
        global using System.Numerics;
        global using System.Runtime.CompilerServices;
        global using Backprop;
        global using Backprop.Explain;
        global using Backprop.Onnx;
        global using MathNet.Numerics.LinearAlgebra;
        global using static Given;

        static class Given
        {
            public static readonly Matrix<double> x = Matrix<double>.Build.Dense(4, 3), y = x, dY = x, prediction = x, target = x, yHat = x, logits = x;
            public static readonly MathNet.Numerics.LinearAlgebra.Vector<double> sample = MathNet.Numerics.LinearAlgebra.Vector<double>.Build.Dense(3);
            public static readonly Sequential<double> model = [], body = [], head = [];
            public static readonly ForwardPass<double> pass = model.NewPass();
            public static readonly Loss<double> loss = new MSELoss<double>();
            public static readonly SGD<double> optimizer = new(model.Parameters, 0.1), sgd = optimizer;
            public static readonly Samples<double> samples = new(x, y), heldBack = samples, training = samples;
            public static readonly Batches<double> batches = new(x, y, 2);
            public static readonly Generator generator = new(0);
            public static readonly Linear<double> linear = new(3, 4);
            public const int epochs = 10, batchesPerEpoch = 10;
            public static readonly Trainer<double> trainer = new(model, loss, optimizer, batches);
        }

        abstract class Square<T> : Layer<T> where T : unmanaged, IFloatingPointIeee754<T>;
        """;

    private static readonly string[] Documented = ["Backprop.xml", "Backprop.Explain.xml", "Backprop.Onnx.xml", "Backprop.Torch.xml", "Backprop.Mpi.xml"];

    public static IEnumerable<TheoryDataRow<string, int>> Programs =>
        Repository.MarkdownFiles.SelectMany(file => Snippet.Programs(file, Repository.Read(file))).Select(program => new TheoryDataRow<string, int>(program[0].File, program[0].Line));

    [Theory]
    [MemberData(nameof(Programs))]
    public void A_block_compiles_and_prints_what_the_text_says(string file, int line) =>
        Check(Snippet.Programs(file, Repository.Read(file)).Single(program => program[0].Line == line));

    [Fact]
    public void A_block_that_does_not_compile_that_throws_or_that_prints_something_else_is_found()
    {
        Run("```csharp\nConsole.WriteLine(1)\n```").Should().Throw<InvalidOperationException>().WithMessage("CS1002*Console.WriteLine(1)");
        Run("```csharp\nthrow new Exception(\"so it is\");\n```").Should().Throw<InvalidOperationException>().WithMessage("*so it is*");
        Run("```csharp\nvar a = 1;\nConsole.WriteLine(a);\n```\n```text\n1\n```\n```csharp continues\nConsole.WriteLine(a + 1);\n```\n```text\n3\n```").Should().Throw<Exception>().WithMessage("*(a + 1)*");
        Run("```csharp\nforeach (var i in Enumerable.Range(0, 9)) Console.WriteLine(i);\n```\n```text\n0\n...\n8\n```").Should().NotThrow();
        Run("```csharp continues\nConsole.WriteLine(1);\n```").Should().Throw<InvalidDataException>();

        static Action Run(string markdown) => () =>
        {
            foreach (var program in Snippet.Programs("a.md", markdown)) Check(program);
        };
    }

    [Fact]
    public void A_block_that_is_part_of_a_file_stands_there()
    {
        var parts = Repository.MarkdownFiles.SelectMany(file => Snippet.Parts(Repository.Read(file)).Select(part => (File: file, part.Line, part.From, part.Code))).ToArray();
        parts.Should().NotBeEmpty();
        foreach (var (file, line, from, code) in parts)
            WithoutIndents(Repository.Read(from)).Should().Contain(WithoutIndents(code), "{0}:{1} is a part of {2}", file, line, from);

        static string WithoutIndents(string code) => string.Join('\n', code.Split('\n').Select(line => line.Trim()));
    }

    [Fact]
    public void The_examples_in_doc_comments_compile()
    {
        var members = Documented.SelectMany(file => XDocument.Load(Path.Combine(AppContext.BaseDirectory, file)).Descendants("member")).ToArray();
        var examples = members.SelectMany(member => member.Elements("example").SelectMany(example => example.Elements("code")).Select(code => Example((string)member.Attribute("name")!, WebUtility.HtmlDecode(code.Value))))
            .ToArray();
        examples.Should().HaveCountGreaterThan(25);
        // An example may name a thing and leave it at that (CS0219), need not say where its variables come from (CS0103), and may return an exit code (CS0126, CS0162).
        string[] allowed = ["CS0219", "CS0103", "CS0126", "CS0162"];
        examples.SelectMany(example => SnippetCompiler.Problems(SnippetCompiler.Compose([example.Code], nested: true), Given).Where(problem => !allowed.Contains(problem[..6])).Select(problem => $"{example.Name}: {problem}"))
            .Should().BeEmpty();

        // Those of a namespace of its own are read where that is open.
        static (string Name, string Code) Example(string name, string code) => (name, name[2..].StartsWith("Backprop.Torch.", StringComparison.Ordinal) ? $"using Backprop.Torch;\nusing TorchSharp;\nusing static TorchSharp.torch;\n{code}" : code);
    }

    private static void Check(IReadOnlyList<Snippet> program)
    {
        var outputs = SnippetCompiler.Run(program);
        foreach (var (snippet, output) in program.Zip(outputs))
            if (snippet is { Prints: string text, Runs: true })
                Snippet.Agrees(text, output).Should().BeTrue("{0}:{1} should print\n{2}\nbut prints\n{3}\nThe block is\n{4}", snippet.File, snippet.Line, text, output, snippet.Code);
    }
}
