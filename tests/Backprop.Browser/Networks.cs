using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Backprop.Explain;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop.Browser;

/// <summary>Explained networks as files, each written once.</summary>
internal static partial class Networks
{
    /// <summary>A name that would run a script if it were ever markup.</summary>
    public const string Hostile = "<img src=x onerror=\"window.hacked=1\"> & 'it' </script> \u202Eשלום";

    private static readonly string Folder = Directory.CreateTempSubdirectory("backprop-pages").FullName;
    private static readonly Lazy<string> LazyNotebook = new(() => Write("notebook", NotebookExplanation()));
    private static readonly Lazy<string> LazyXor = new(() => Write("xor", XorExplanation()));
    private static readonly Lazy<string> LazyDigits = new(() => Write("digits", DigitsExplanation()));
    private static readonly Lazy<string> LazyBranches = new(() => Write("branches", BranchesExplanation()));
    private static readonly Lazy<string> LazyHostile = new(() => Write("hostile", HostileExplanation()));
    private static readonly Lazy<string> LazyLossless = new(() => Write("lossless", LosslessExplanation()));
    private static readonly Lazy<string> LazyEmpty = new(() => Write("empty", EmptyExplanation()));
    private static readonly Lazy<string> LazyWide = new(() => Write("wide", WideExplanation()));
    private static readonly Lazy<string> LazyBroken = new(() => Write("broken", BrokenExplanation()));
    private static readonly Lazy<string> LazyWrong = new(() => WriteEdited("wrong", NotebookExplanation(), data =>
    {
        var answer = data["answers"]!["hidden.weight.grad"]!["0,0"]!;
        (answer["value"], answer["agrees"]) = (0.5, false);
    }));

    /// <summary>The notebook's: 1-1-1.</summary>
    public static string Notebook => LazyNotebook.Value;

    /// <summary>2-4-1, four samples.</summary>
    public static string Xor => LazyXor.Value;

    /// <summary>784-128-10.</summary>
    public static string Digits => LazyDigits.Value;

    /// <summary>A residual layer, two branches side by side, a normalisation, a softmax, a user's layer.</summary>
    public static string Branches => LazyBranches.Value;

    /// <summary>Names that want to be markup.</summary>
    public static string HostileNames => LazyHostile.Value;

    /// <summary>No loss.</summary>
    public static string Lossless => LazyLossless.Value;

    /// <summary>No samples.</summary>
    public static string Empty => LazyEmpty.Value;

    /// <summary>10,000 columns.</summary>
    public static string Wide => LazyWide.Value;

    /// <summary>A NaN and an infinity.</summary>
    public static string Broken => LazyBroken.Value;

    /// <summary>The notebook's, with one number that the formula does not give.</summary>
    public static string Wrong => LazyWrong.Value;

    /// <summary>The notebook's data, for a page that is drawn live.</summary>
    public static string NotebookJson(double weight = -0.1) => NotebookExplanation(weight).ToJson();

    private static Explanation NotebookExplanation(double weight = -0.1)
    {
        var (hidden, output) = (new Linear<double>(1, 1), new Linear<double>(1, 1));
        hidden.Weight.Value[0, 0] = weight;
        output.Weight.Value[0, 0] = -0.1;
        hidden.Bias!.Value[0] = output.Bias!.Value[0] = 0;
        var model = new Sequential<double> { { "hidden", hidden }, { "activation", new Sigmoid<double>() }, { "output", output } };
        var x = Matrix<double>.Build.Dense(8, 1, (i, _) => -1 + 2.0 / 7 * i);
        return Explanation.Of(model, new MSELoss<double>(), x, x.Clone(), new() { Title = "The 1-1-1 network" });
    }

    private static Explanation XorExplanation()
    {
        var generator = new Generator(7);
        var model = new Sequential<double> { { "hidden", new Linear<double>(2, 4, generator: generator) }, { "activation", new Tanh<double>() }, { "output", new Linear<double>(4, 1, generator: generator) } };
        var x = Matrix<double>.Build.DenseOfArray(new double[,] { { 0, 0 }, { 0, 1 }, { 1, 0 }, { 1, 1 } });
        var y = Matrix<double>.Build.DenseOfArray(new double[,] { { 0 }, { 1 }, { 1 }, { 0 } });
        return Explanation.Of(model, new MSELoss<double>(), x, y, new() { Title = "Exclusive or: 2-4-1" });
    }

    private static Explanation DigitsExplanation()
    {
        var generator = new Generator(7);
        var model = new Sequential<double>(new Linear<double>(784, 128, generator: generator), new ReLU<double>(), new Linear<double>(128, 10, generator: generator));
        var x = Matrix<double>.Build.Dense(16, 784, (i, j) => (i * 31 + j * 17) % 29 < 8 ? ((i * 7 + j * 3) % 11) / 10.0 : 0);
        var y = Matrix<double>.Build.Dense(16, 10, (i, j) => i % 10 == j ? 1 : 0);
        return Explanation.Of(model, new MSELoss<double>(), x, y, new() { Title = "Digits: 784-128-10" });
    }

    private static Explanation BranchesExplanation()
    {
        var generator = new Generator(7);
        var model = new Sequential<double>
        {
            { "in", new Linear<double>(3, 4, generator: generator) },
            { "block", new Residual<double>(new Sequential<double> { { "norm", new LayerNorm<double>(4) }, { "turn", new Linear<double>(4, 4, generator: generator) }, { "bend", new GELU<double>() } }) },
            { "pairs", new PairwiseProduct() },
            { "fork", new Concat<double>(new Linear<double>(2, 2, generator: generator), new Sequential<double>(new Linear<double>(2, 2, generator: generator), new ReLU<double>())) },
            { "out", new Softmax<double>() },
        };
        var x = Matrix<double>.Build.Dense(5, 3, (i, j) => Math.Sin(1 + 3 * i + 7 * j));
        return Explanation.Of(model, new MSELoss<double>(), x, Matrix<double>.Build.Dense(5, 4, (i, j) => i % 4 == j ? 1 : 0), new() { Title = "Branches, and a layer of one's own" });
    }

    private static Explanation HostileExplanation()
    {
        var generator = new Generator(7);
        var model = new Sequential<double> { { Hostile, new Linear<double>(2, 3, generator: generator) }, { "__proto__", new Sigmoid<double>() }, { "a\"]b[0, 0]", new Linear<double>(3, 1, generator: generator) }, { "constructor", new Identity<double>() } };
        var x = Matrix<double>.Build.Dense(3, 2, (i, j) => i - j + 0.5);
        return Explanation.Of(model, new MSELoss<double>(), x, Matrix<double>.Build.Dense(3, 1, 1), new() { Title = Hostile });
    }

    private static Explanation LosslessExplanation() => Explanation.Of(
        new Sequential<double>(new Linear<double>(2, 3, generator: new Generator(7)), new ReLU<double>()), null, Matrix<double>.Build.Dense(3, 2, (i, j) => i - j), null, new() { Title = "Without a loss" });

    private static Explanation EmptyExplanation() => Explanation.Of(
        new Sequential<double>(new Linear<double>(2, 3, generator: new Generator(7)), new ReLU<double>()), null, Matrix<double>.Build.Dense(0, 2), null, new() { Title = "An empty batch" });

    private static Explanation WideExplanation()
    {
        var model = new Sequential<double> { { "wide", new Linear<double>(10_000, 3, generator: new Generator(7)) } };
        var x = Matrix<double>.Build.Dense(4, 10_000, (i, j) => Math.Sin(i + j));
        return Explanation.Of(model, new MSELoss<double>(), x, Matrix<double>.Build.Dense(4, 3), new() { Title = "Ten thousand columns" });
    }

    private static Explanation BrokenExplanation()
    {
        var model = new Sequential<double> { { "in", new Linear<double>(2, 3, generator: new Generator(7)) }, { "out", new Linear<double>(3, 2, generator: new Generator(8)) } };
        var x = Matrix<double>.Build.DenseOfArray(new[,] { { 0.5, double.NaN }, { double.PositiveInfinity, 1 }, { 1, 2 } });
        return Explanation.Of(model, new MSELoss<double>(), x, Matrix<double>.Build.Dense(3, 2), new() { Title = "Not a number" });
    }

    private static string Write(string name, Explanation explanation)
    {
        var file = Path.Combine(Folder, name + ".html");
        File.WriteAllText(file, explanation.ToHtml());
        return file;
    }

    private static string WriteEdited(string name, Explanation explanation, Action<JsonNode> edit)
    {
        var file = Path.Combine(Folder, name + ".html");
        File.WriteAllText(file, Data().Replace(explanation.ToHtml(), page =>
        {
            var data = JsonNode.Parse(page.Groups[2].Value)!;
            edit(data);
            return page.Groups[1].Value + data.ToJsonString() + page.Groups[3].Value;
        }));
        return file;
    }

    [GeneratedRegex("""(<script type="application/json" id="explanation">)(.*?)(</script>)""", RegexOptions.Singleline)]
    private static partial Regex Data();
}
