using System.Diagnostics;
using System.Globalization;
using System.Text;
using FluentAssertions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Backprop.Tests.Docs;

/// <summary>Compiles what the documentation shows as a new console project would, and runs it in a process and a directory of its own.</summary>
internal static class SnippetCompiler
{
    private const string ImplicitUsings = "global using System; global using System.Collections.Generic; global using System.IO; global using System.Linq; global using System.Threading; global using System.Threading.Tasks;";
    private const string End = "-- end of block --";

    // What package references to Backprop, our packages bring.
    private static readonly string[] Libraries = ["Backprop.dll", "Backprop.Explain.dll", "Backprop.Mpi.dll", "Backprop.Onnx.dll", "MathNet.Numerics.dll", "System.Numerics.Tensors.dll"];

    // What a block asks for itself, by what it uses.
    private static readonly string[] Screen = ["Spectre.Console.dll", "Spectre.Console.Ansi.dll"];

    private static readonly CSharpParseOptions Syntax = new(LanguageVersion.Latest, DocumentationMode.Parse);

    /// <summary>A program of nothing, which knows .NET and the libraries. All others are made from it, so that these are read once.</summary>
    public static CSharpCompilation Empty { get; } = CSharpCompilation.Create(
        "snippet",
        [CSharpSyntaxTree.ParseText(ImplicitUsings, Syntax)],
        Directory.GetFiles(Path.GetDirectoryName(typeof(object).Assembly.Location)!, "*.dll").Where(IsManaged)
            .Concat(Libraries.Concat(Screen).Concat(["Backprop.Torch.dll", "TorchSharp.dll"]).Select(library => Path.Combine(AppContext.BaseDirectory, library))).Select(file => MetadataReference.CreateFromFile(file)),
        new CSharpCompilationOptions(OutputKind.ConsoleApplication, nullableContextOptions: NullableContextOptions.Enable));

    /// <summary>One program of several blocks: what they use first, then their statements in order, then their types.</summary>
    /// <param name="blocks">The blocks.</param>
    /// <param name="markEnds">Whether the program prints a line after each block.</param>
    /// <param name="nested">Whether types are the program's own, which may then be private, as in an example.</param>
    public static string Compose(IEnumerable<string> blocks, bool markEnds = false, bool nested = false)
    {
        StringBuilder usings = new(), statements = new(), types = new();
        foreach (var block in blocks)
        {
            var root = CSharpSyntaxTree.ParseText(block, Syntax).GetCompilationUnitRoot();
            foreach (var directive in root.Usings.Where(directive => !usings.ToString().Contains(directive.ToString(), StringComparison.Ordinal))) usings.AppendLine(directive.ToString());
            foreach (var member in root.Members) (member is GlobalStatementSyntax ? statements : types).Append(member.ToFullString());
            if (markEnds) statements.AppendLine($"\n#pragma warning disable CS0162 // unreachable where the block throws\nConsole.WriteLine(\"{End}\");\n#pragma warning restore CS0162");
        }

        return nested ? $"{usings}\n{statements}\nreturn;\npartial class Program\n{{\n{types}\n}}" : $"{usings}\n{statements}\n{types}";
    }

    /// <summary>What is wrong with a program: errors and warnings, each with the line of code it is in.</summary>
    /// <param name="source">The program.</param>
    /// <param name="given">What else belongs to it.</param>
    public static IReadOnlyList<string> Problems(string source, string given = "") =>
    [
        .. Compile(source).AddSyntaxTrees(CSharpSyntaxTree.ParseText(given, Syntax)).GetDiagnostics().Where(diagnostic => diagnostic.Severity >= DiagnosticSeverity.Warning)
            .Select(diagnostic => $"{diagnostic.Id}: {diagnostic.GetMessage(CultureInfo.InvariantCulture)} in: {LineOf(diagnostic.Location)}"),
    ];

    /// <summary>Compiles and runs the blocks of a program and returns what each printed.</summary>
    /// <exception cref="InvalidOperationException">It does not compile, or ends with an exception.</exception>
    public static IReadOnlyList<string> Run(IReadOnlyList<Snippet> program)
    {
        var directory = Directory.CreateTempSubdirectory("backprop-docs-").FullName;
        try
        {
            var source = Compose(program.Select(snippet => snippet.Code), markEnds: true);
            var problems = Problems(source);
            if (problems.Count > 0) throw new InvalidOperationException(string.Join('\n', problems));
            Compile(source).Emit(Path.Combine(directory, "snippet.dll")).Success.Should().BeTrue();
            if (!program.All(snippet => snippet.Runs)) return [.. program.Select(_ => "")];
            foreach (var library in Libraries.Concat(source.Contains("using Spectre.Console;", StringComparison.Ordinal) ? Screen : [])) File.Copy(Path.Combine(AppContext.BaseDirectory, library), Path.Combine(directory, library));
            File.WriteAllText(Path.Combine(directory, "snippet.runtimeconfig.json"), """
                { "runtimeOptions": { "framework": { "name": "Microsoft.NETCore.App", "version": "10.0.0" }, "configProperties": { "System.Globalization.Invariant": true } } }
                """);
            var start = new ProcessStartInfo(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet", ["snippet.dll"])
            {
                WorkingDirectory = directory,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            };
            using var process = Process.Start(start)!;
            var error = process.StandardError.ReadToEndAsync();
            var output = process.StandardOutput.ReadToEnd().ReplaceLineEndings("\n");
            process.WaitForExit();
            if (process.ExitCode != 0) throw new InvalidOperationException($"It ends with code {process.ExitCode}: {error.Result}{output}");
            return output.Split($"{End}\n")[..^1];
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static string LineOf(Location location) => location.SourceTree is { } tree ? $"{tree.GetText().Lines[location.GetLineSpan().StartLinePosition.Line]}".Trim() : "the whole";

    private static CSharpCompilation Compile(string source) => Empty.AddSyntaxTrees(CSharpSyntaxTree.ParseText(source, Syntax));

    private static bool IsManaged(string file)
    {
        using var stream = File.OpenRead(file);
        using var reader = new System.Reflection.PortableExecutable.PEReader(stream);
        return reader.HasMetadata;
    }
}
