using System.Collections.Concurrent;
using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Backprop.Mutations;

/// <summary>The suite's tests, and which of them should go red when a file is changed.</summary>
/// <remarks>
/// The map is the source itself: a file's own tests are those that name its type. A type that others are made of (a kernel, a base) is tested by the tests of those.
/// The nearest are those in files named after it, and the rows of theories that name it.
/// </remarks>
internal sealed partial class Suite : IDisposable
{
    // Programs, files and processes: their tests run the mathematics, but not to see whether it is right.
    private static readonly string[] NotRooms = ["Walkthrough/", "Serialization/", "Torch/", "Random/"];

    private readonly Dictionary<string, HashSet<string>> _sourceNames = [], _testNames = [];
    private readonly Dictionary<string, string> _fileOfClass = [];
    private readonly HashSet<string> _types;
    private readonly ConcurrentDictionary<TestCase, TestResult> _baseline = [];
    private readonly ConcurrentDictionary<TestCase, int> _kills = [];
    private readonly SemaphoreSlim _measuring = new(1);
    private readonly string _original;

    /// <summary>Reads both sources.</summary>
    /// <param name="root">The repository.</param>
    /// <param name="tests">All tests.</param>
    /// <param name="original">The library as it is.</param>
    public Suite(string root, IReadOnlyList<TestCase> tests, string original)
    {
        (All, _original) = (tests, original);
        foreach (var (file, tree) in Trees(Path.Combine(root, "src", "Backprop"))) _sourceNames[file] = TypesUsedIn(tree);
        foreach (var (file, tree) in Trees(Path.Combine(root, "tests", "Backprop.Tests")))
        {
            _testNames[file] = [.. tree.DescendantTokens().Where(token => token.IsKind(SyntaxKind.IdentifierToken)).Select(token => token.Text)];
            foreach (var type in tree.DescendantNodes().OfType<TypeDeclarationSyntax>()) _fileOfClass[type.Identifier.Text] = file;
        }

        _types = [.. _sourceNames.Keys.Select(file => Path.GetFileNameWithoutExtension(file))];
    }

    /// <summary>All tests.</summary>
    public IReadOnlyList<TestCase> All { get; }

    /// <summary>Tests that are red on the source as it is, or that only xUnit itself can run: they say nothing about a mutant.</summary>
    public IEnumerable<TestResult> Unusable => _baseline.Values.Where(result => result.Failure is not null);

    /// <summary>The tests that should notice a change of a file, the nearest first: its own, those that name it, and all others that may.</summary>
    public IReadOnlyList<IReadOnlyList<TestCase>> Of(string file)
    {
        var names = NamesOf(file);
        var room = file.Contains('/', StringComparison.Ordinal) ? file[..(file.IndexOf('/', StringComparison.Ordinal) + 1)] : "?";
        List<TestCase> own = [], beside = [], others = [];
        foreach (var test in All)
        {
            if (!_fileOfClass.TryGetValue(test.Class.Split('.')[^1], out var place) || NotRooms.Any(other => place.StartsWith(other, StringComparison.Ordinal))) continue;
            var types = Words().Matches(test.Arguments).Select(match => match.Value).Where(_types.Contains).ToList();     // that a theory's row names
            var inRoom = place.StartsWith(room, StringComparison.Ordinal);
            var isNamed = names.Overlaps(_testNames[place]);
            if (types.Count > 0 ? isNamed && types.Any(names.Contains) : names.Any(name => Path.GetFileName(place).StartsWith(name, StringComparison.Ordinal))) own.Add(test);
            else if (types.Count == 0 && isNamed) beside.Add(test);
            else if (isNamed || inRoom) others.Add(test);
        }

        return [own, beside, others];
    }

    /// <summary>Those of the tests that are green on the source as it is, those first that noticed most so far, then the quickest; and how long they take together.</summary>
    public async Task<(IReadOnlyList<TestCase> Tests, TimeSpan Time)> GreenAsync(IReadOnlyList<TestCase> tests, WorkerProcess worker)
    {
        await _measuring.WaitAsync();
        try
        {
            // A few at a time: one that hangs or brings the process down is then found, and is no reason to give up.
            var unknown = tests.Where(test => !_baseline.ContainsKey(test)).ToList();
            foreach (var some in unknown.GroupBy(test => test.Class).SelectMany(group => group.Chunk(64)))
            {
                var (results, end) = await worker.RunAsync(new Request(_original, 0, some, StopOnFailure: false), TimeSpan.FromMinutes(10));
                foreach (var result in end is null ? results : some.Select(test => new TestResult(test, 0, end))) _baseline[result.Test] = result;
            }
        }
        finally
        {
            _measuring.Release();
        }

        var green = tests.Select(test => _baseline[test]).Where(result => result.Failure is null)
            .OrderByDescending(result => _kills.GetValueOrDefault(result.Test)).ThenBy(result => result.Milliseconds).ToList();
        return ([.. green.Select(result => result.Test)], TimeSpan.FromMilliseconds(green.Sum(result => result.Milliseconds)));
    }

    /// <summary>Remembers a test that noticed a mutant.</summary>
    public void Noticed(TestCase test) => _kills.AddOrUpdate(test, 1, (_, kills) => kills + 1);

    public void Dispose() => _measuring.Dispose();

    // The file's own type, the types that are made of it, and those made of them: a kernel's layer, and who inherits from that.
    private HashSet<string> NamesOf(string file)
    {
        HashSet<string> names = [Path.GetFileNameWithoutExtension(file)];
        for (var level = 0; level < 2; level++)
            names.UnionWith([.. _sourceNames.Where(other => (Scope.Holds(other.Key) || Scope.IsKernel(other.Key)) && other.Value.Overlaps(names)).Select(other => Path.GetFileNameWithoutExtension(other.Key))]);
        return names;
    }

    // Not every name: V.Sigmoid(x) is not the layer.
    private static HashSet<string> TypesUsedIn(SyntaxNode tree) =>
    [
        .. tree.DescendantNodes().OfType<GenericNameSyntax>().Select(name => name.Identifier.Text),
        .. tree.DescendantNodes().OfType<MemberAccessExpressionSyntax>().Select(access => access.Expression).OfType<IdentifierNameSyntax>().Select(name => name.Identifier.Text),
        .. tree.DescendantNodes().OfType<MemberAccessExpressionSyntax>().Where(access => access.Expression is IdentifierNameSyntax { Identifier.Text: "Kernels" }).Select(access => access.Name.Identifier.Text),
        .. tree.DescendantNodes().OfType<ObjectCreationExpressionSyntax>().Select(creation => creation.Type).OfType<IdentifierNameSyntax>().Select(name => name.Identifier.Text),
        .. tree.DescendantNodes().OfType<ParameterSyntax>().Select(parameter => parameter.Type).OfType<IdentifierNameSyntax>().Select(name => name.Identifier.Text),
        .. tree.DescendantNodes().OfType<BaseTypeSyntax>().Select(type => type.Type).OfType<IdentifierNameSyntax>().Select(name => name.Identifier.Text),
    ];

    private static IEnumerable<(string File, SyntaxNode Tree)> Trees(string directory) =>
        from path in Directory.EnumerateFiles(directory, "*.cs", SearchOption.AllDirectories).Order(StringComparer.Ordinal)
        let file = Path.GetRelativePath(directory, path).Replace('\\', '/')
        where !file.StartsWith("obj/", StringComparison.Ordinal) && !file.StartsWith("bin/", StringComparison.Ordinal)
        select (file, CSharpSyntaxTree.ParseText(File.ReadAllText(path)).GetRoot());

    [GeneratedRegex(@"\w+")]
    private static partial Regex Words();
}
