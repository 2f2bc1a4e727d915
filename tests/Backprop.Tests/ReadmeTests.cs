using System.Reflection;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;

namespace Backprop.Tests;

/// <summary>What the README shows compiles, runs, and prints what the README says; and it leaves nothing public out.</summary>
public sealed class ReadmeTests
{
    private static readonly string Root = FindRoot();
    private static readonly string Readme = File.ReadAllText(Path.Combine(Root, "README.md")).ReplaceLineEndings("\n");

    [Fact]
    public void Its_example_runs_and_prints_what_it_says()
    {
        var console = new StringWriter { NewLine = "\n" };
        Example(console);
        Readme.Should().Contain($"It prints\n\n```text\n{console}```");
        Readme.Should().Contain($"```csharp\nusing Backprop;\nusing MathNet.Numerics.LinearAlgebra;\n\n{Block("ReadmeTests.cs", "example", 8)}\n```");
    }

    [Fact]
    public void Its_layer_of_your_own_is_right_and_a_wrong_one_is_described_as_it_says()
    {
        GradientCheck.Run(new Snake(3), Any.Matrix<double>(5, 3, 1)).ThrowIfFailed();
        Readme.Should().Contain(Block("Snake.cs", "layer", 0));
        var act = () => GradientCheck.Run(new Snake(3, sign: -1), Any.Matrix<double>(5, 3, 1)).ThrowIfFailed();
        var message = act.Should().Throw<GradientCheckException>().Which.Message;
        Readme.Should().Contain($"```text\n{message}\n```");
    }

    private static void Example(TextWriter Console)
    {
        // README example begins
        // Eight points on y = x, a row each.
        var x = Matrix<double>.Build.Dense(8, 1, (i, _) => -1 + 2.0 / 7 * i);
        var y = x.Clone();

        var hidden = new Linear<double>(1, 1);
        var output = new Linear<double>(1, 1);
        var model = new Sequential<double>
        {
            { "hidden", hidden },
            { "activation", new Sigmoid<double>() },
            { "output", output },
        };
        hidden.Weight.Value[0, 0] = output.Weight.Value[0, 0] = -0.1;
        hidden.Bias!.Value[0] = output.Bias!.Value[0] = 0;

        var loss = new MSELoss<double>();
        var sgd = new SGD<double>(model.Parameters, learningRate: 0.1);

        var pass = model.NewPass();
        var yHat = model.Forward(x, pass);              // pass["hidden"].Output is a1, pass["activation"].Output is z1
        var value = loss.Forward(yHat, y);
        sgd.ZeroGradients();
        model.Backward(pass, loss.Backward(yHat, y));   // adds to hidden.Weight.Gradient and the others, returns dL/dx
        sgd.Step();

        Console.WriteLine($"loss {value:F4}");
        foreach (var (name, parameter) in model.NamedParameters())
            Console.WriteLine($"dL/d{name} {parameter.Gradients[0]:F4}");
        // README example ends
    }

    [Fact]
    public void Its_tables_have_the_formula_and_derivative_of_every_layer_and_loss()
    {
        Layer<double>[] layers =
        [
            new Linear<double>(3, 4), new Sigmoid<double>(), new Tanh<double>(), new ReLU<double>(), new LeakyReLU<double>(), new PReLU<double>(), new ELU<double>(), new SELU<double>(), new CELU<double>(),
            new GELU<double>(), new SiLU<double>(), new Mish<double>(), new Softplus<double>(), new Softsign<double>(), new LogSigmoid<double>(), new Hardtanh<double>(), new ReLU6<double>(), new Hardsigmoid<double>(),
            new Hardswish<double>(), new Softshrink<double>(), new Hardshrink<double>(), new Tanhshrink<double>(), new Softmax<double>(), new LogSoftmax<double>(), new LayerNorm<double>(4), new RMSNorm<double>(4),
            new BatchNorm1d<double>(4), new Dropout<double>(), new Embedding<double>(10, 3), new Residual<double>(new Tanh<double>()), new Identity<double>(), new Sequential<double>(),
        ];
        Loss<double>[] losses =
        [
            new MSELoss<double>(), new L1Loss<double>(), new SmoothL1Loss<double>(), new HuberLoss<double>(), new BCELoss<double>(), new BCEWithLogitsLoss<double>(), new CrossEntropyLoss<double>(),
            new NLLLoss<double>(), new KLDivLoss<double>(), new PoissonNLLLoss<double>(), new GaussianNLLLoss<double>(),
        ];
        layers.Cast<object>().Concat(losses).Select(instance => instance.GetType().GetGenericTypeDefinition()).Should().BeEquivalentTo(Concrete(typeof(Layer<>), typeof(Loss<>)));

        var table = Table("layer", "dX and parameters", layers.Select(layer => (NameOf(layer.GetType()), layer.Formula, layer.Derivative)))
            + "\n" + Table("loss", "gradient", losses.Select(loss => (NameOf(loss.GetType()), loss.Formula, loss.Derivative)));
        File.WriteAllText(Path.Combine(AppContext.BaseDirectory, "readme-tables.md"), table);
        Readme.Should().Contain(table, "readme-tables.md, beside the tests, goes into the README");

        static string Table(string what, string gradient, IEnumerable<(string Name, string Formula, string Derivative)> rows) =>
            $"| {what} | formula | {gradient} |\n|---|---|---|\n{string.Concat(rows.Select(row => $"| `{row.Name}` | {Code(row.Formula)} | {Code(row.Derivative)} |\n"))}";

        static string Code(string formula) => $"`{formula.Replace("|", "\\|", StringComparison.Ordinal)}`";
    }

    [Fact]
    public void Every_public_layer_loss_optimizer_and_scheduler_is_in_it()
    {
        foreach (var type in Concrete(typeof(Layer<>), typeof(Loss<>), typeof(Optimizer<>), typeof(LRScheduler)))
            Readme.Should().Contain($"`{NameOf(type)}`");
    }

    [Fact]
    public void Every_public_layer_parameter_and_loss_has_rows_in_the_proof_table_in_both_types()
    {
        var proof = File.ReadAllText(Path.Combine(Root, "PROOF.md"));
        foreach (var type in Concrete(typeof(Layer<>)).Where(type => type != typeof(Embedding<>)))
            foreach (var element in (string[])["double", "float"]) proof.Should().Contain($"| {NameOf(type)} | dL/dx | {element} |");
        foreach (var type in Concrete(typeof(Layer<>)))
            foreach (var parameter in type.GetProperties().Where(property => property.PropertyType.BaseType is { IsGenericType: true } parent && parent.GetGenericTypeDefinition() == typeof(Parameter<>)))
                foreach (var element in (string[])["double", "float"]) proof.Should().Contain($"| {NameOf(type)} | dL/d{parameter.Name.ToLowerInvariant()} | {element} |");
        foreach (var type in Concrete(typeof(Loss<>)))
            foreach (var element in (string[])["double", "float"]) proof.Should().MatchRegex($@"\| {NameOf(type)} \| dL/d\w+ \| {element} \|");
    }

    private static IEnumerable<Type> Concrete(params Type[] bases) => typeof(Layer<>).Assembly.GetExportedTypes()
        .Where(type => type is { IsAbstract: false, IsClass: true } && Ancestors(type).Any(bases.Contains));

    private static IEnumerable<Type> Ancestors(Type type)
    {
        for (var current = type.BaseType; current is not null; current = current.BaseType)
            yield return current.IsGenericType ? current.GetGenericTypeDefinition() : current;
    }

    private static string NameOf(MemberInfo type) => type.Name.Split('`')[0];

    /// <summary>The lines between two markers in a test's source, without their indentation.</summary>
    private static string Block(string file, string name, int indentation)
    {
        var source = File.ReadAllLines(Path.Combine(Root, "tests", "Backprop.Tests", file));
        int start = Array.FindIndex(source, line => line.TrimStart() == $"// README {name} begins"), end = Array.FindIndex(source, line => line.TrimStart() == $"// README {name} ends");
        return string.Join('\n', source[(start + 1)..end].Select(line => line.Length > indentation ? line[indentation..] : line.Trim()));
    }

    // Not by the path of this file, which a deterministic build hides.
    private static string FindRoot()
    {
        var directory = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(directory, "Backprop.sln"))) directory = Path.GetDirectoryName(directory) ?? throw new DirectoryNotFoundException("The tests do not lie in the repository.");
        return directory;
    }
}
