using Backprop.Walkthrough;
using FluentAssertions;
using Xunit;

namespace Backprop.Tests;

/// <summary>The walkthrough's <c>explain</c>: a network as a line of text, samples from a file, and numbers that can be asked.</summary>
public sealed class ExplainCommandTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("backprop-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void A_network_of_a_line_is_told_in_80_columns()
    {
        var (exitCode, output, error) = Run("2-4-1 sigmoid mse");
        exitCode.Should().Be(0);
        error.Should().BeEmpty();
        output.Should().ContainAll("Forward\n", "hidden: Linear(2 -> 4)", "Loss: MSELoss()", "Backward\n", "hidden.weight.grad (4, 2)", "Update: one step of gradient descent, learning rate 0.1").And.NotContain("WRONG");
        output.Split('\n').Should().OnlyContain(line => line.Length <= 80);
        Run("2-4-1 sigmoid mse").Output.Should().Be(output, "the same is drawn again");
        Run("2-4-1 sigmoid mse", "--seed", "7").Output.Should().NotBe(output);
        Run("2-4-1 sigmoid mse", "--precision", "float").Output.Should().Contain("in float");
    }

    [Theory]
    [InlineData("3 layernorm linear(4) gelu linear(3) crossentropy")]
    [InlineData("2-3-1 tanh bcewithlogits")]
    [InlineData("2 linear(3) batchnorm relu dropout(0.5) linear(2) sigmoid bce")]
    [InlineData("2 standardize residual(linear(2) tanh) linear(4) softplus poissonnll(logInput: false)")]
    public void Each_loss_is_drawn_samples_that_it_takes(string network)
    {
        var (exitCode, output, error) = Run(network, "--ask", "x.grad[1, 0]", "--ask", "loss");
        error.Should().BeEmpty();
        exitCode.Should().Be(0);
        output.Should().Contain("x.grad[1, 0] = ").And.Contain("loss = ").And.NotContain("WRONG");
    }

    [Fact]
    public void Samples_and_parameters_come_from_files()
    {
        var (data, file) = (Write("xor.csv", "a,b,\"what, if\"\n0,0,0\n0,1,1\n1,0,1\n1,1,0\n"), Path.Combine(_directory, "model.safetensors"));
        var model = new Sequential<double> { { "hidden", new Linear<double>(2, 4, generator: new(9)) }, { "activation", new Sigmoid<double>() }, { "output", new Linear<double>(4, 1, generator: new(10)) } };
        model.Save(file);

        var output = Run("2-4-1 sigmoid mse", "--data", data, "--model", file, "--ask", "hidden.weight[1, 1]", "--ask", "target[2, 0]", "--ask", "hidden.output[1, 2]").Output;

        var weight = ((Linear<double>)model["hidden"]).Weight.Value;
        output.Should().Contain(FormattableString.Invariant($"hidden.weight[1, 1] = {weight[1, 1]:R}\n")).And.Contain("target[2, 0] = 1\n").And.Contain("x[1, 1] · hidden.weight[2, 1]");
    }

    [Fact]
    public void Pages_and_Markdown_are_written_where_one_wants()
    {
        string html = Path.Combine(_directory, "page.html"), markdown = Path.Combine(_directory, "page.md");
        var (exitCode, output, _) = Run("2-4-1 sigmoid mse", "--html", html, "--markdown", markdown);
        exitCode.Should().Be(0);
        output.Should().Be($"Written: {html}\nWritten: {markdown}\n");
        File.ReadAllText(html).Should().StartWith("<!doctype html>").And.Contain("2-4-1 sigmoid mse");
        File.ReadAllText(markdown).Should().StartWith("# 2-4-1 sigmoid mse\n");
    }

    [NeedsTorch]
    [Fact]
    public void The_notebook_becomes_a_page()
    {
        var html = Path.Combine(_directory, "notebook.html");
        var output = new StringWriter();
        var invocation = NotebookCommand.Create().Parse(["--steps", "0", "--html", html]);
        invocation.Invoke(new() { Output = output, Error = output }).Should().Be(0);
        output.ToString().Should().Contain(html);
        File.ReadAllText(html).Should().Contain("0.021334741937830547");
        NotebookCommand.Create().Parse(["--html", _directory]).Invoke(new() { Output = output, Error = output }).Should().Be(1);
    }

    [Fact]
    public void What_is_wrong_is_said_in_a_sentence_with_exit_code_1()
    {
        Refused(["2-4-1 sigmiod mse"], "did you mean \"sigmoid\"?");
        Refused(["2-4-1 sigmoid mse", "--ask", "hiden.weight[0, 0]"], "There is no quantity \"hiden.weight\" here");
        Refused(["2-4-1 sigmoid mse", "--ask", "x[9, 0]"], "x has 4x2 entries, but was asked for [9, 0].");
        Refused(["2-4-1 sigmoid mse", "--data", Path.Combine(_directory, "none.csv")], "none.csv");
        Refused(["2-4-1 sigmoid mse", "--data", Write("empty.csv", "a,b,c\n")], "is expected to hold samples, but it has none.");
        Refused(["2-4-1 sigmoid mse", "--data", Write("words.csv", "a,b,c\n1,2,3\n1,x,3\n")], "line 3 has \"x\" in column 2.");
        Refused(["2-4-1 sigmoid mse", "--data", Write("ragged.csv", "1,2,3\n1,2\n")], "is expected to have 3 columns, but line 2 has 2.");
        Refused(["2-4-1 sigmoid mse", "--data", Write("narrow.csv", "1,2\n")], "is expected to have 2 columns of inputs, and targets after them, but it has 2.");
        Refused(["2-4-1 sigmoid mse", "--data", Write("wide.csv", "1,2,3,4\n")], "prediction");
        Refused(["2-4-1 sigmoid mse", "--model", Write("model.safetensors", "no")], "model.safetensors");
        Refused(["2-4-1 sigmoid mse", "--html", _directory], _directory);

        void Refused(string[] arguments, string message)
        {
            var (exitCode, output, error) = Run(arguments);
            exitCode.Should().Be(1);
            error.Should().Contain(message).And.NotContain("   at ");
            output.Should().BeEmpty();
        }
    }

    private string Write(string name, string content)
    {
        var path = Path.Combine(_directory, name);
        File.WriteAllText(path, content);
        return path;
    }

    private static (int ExitCode, string Output, string Error) Run(params string[] arguments)
    {
        StringWriter output = new() { NewLine = "\n" }, error = new() { NewLine = "\n" };
        return (NotebookCommand.Create().Parse(["explain", .. arguments]).Invoke(new() { Output = output, Error = error }), output.ToString(), error.ToString());
    }
}
