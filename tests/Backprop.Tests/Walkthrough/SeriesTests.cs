using System.CommandLine;
using System.Globalization;
using System.Text.RegularExpressions;
using Backprop.Walkthrough;
using FluentAssertions;
using Xunit;

namespace Backprop.Tests;

/// <summary>The walkthrough's series: it learns more than saying the last value again, its losses are PyTorch's, and resumed it is the same training.</summary>
public sealed partial class SeriesTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("backprop-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void It_is_better_than_the_last_value()
    {
        var (exitCode, output, error) = Run("--epochs", "8");
        exitCode.Should().Be(0);
        error.Should().BeEmpty();
        double.Parse(Times().Match(output).Groups[1].Value, CultureInfo.InvariantCulture).Should().BeGreaterThan(2);
        output.Split('\n').Max(line => line.Length).Should().BeLessThanOrEqualTo(80);
        Run("--epochs", "8").Output.Should().Be(output);
    }

    /// <summary>In a process of its own: PyTorch's generator is one for all.</summary>
    [NeedsTorch]
    [Fact]
    public void Beside_PyTorch_the_losses_of_200_steps_are_the_same_with_dropout_and_without()
    {
        var (exitCode, output, error) = WalkthroughProcessTests.Start(null, "series", "--epochs", "12", "--beside-pytorch");
        exitCode.Should().Be(0, "{0}{1}", output, error);
        error.Should().BeEmpty();
        output.Should().Contain("without dropout").And.Contain("with dropout 0.1");
        Verdict().Matches(output).Should().HaveCount(output.Contains("Intel", StringComparison.Ordinal) ? 1 : 2);
        output.Split('\n').Max(line => line.TrimEnd('\r').Length).Should().BeLessThanOrEqualTo(80);
    }

    [Fact]
    public void Stopped_and_resumed_it_ends_as_uninterrupted()
    {
        var file = Path.Combine(_directory, "series");
        Run("--epochs", "2", "--save", file).ExitCode.Should().Be(0);
        var (exitCode, output, _) = Run("--epochs", "4", "--resume", file);
        exitCode.Should().Be(0);
        var whole = Run("--epochs", "4").Output;
        output[output.IndexOf("epoch   3", StringComparison.Ordinal)..].Should().Be(whole[whole.IndexOf("epoch   3", StringComparison.Ordinal)..]);
        var other = Run("--epochs", "4", "--resume", file, "--dropout", "0.5");
        other.ExitCode.Should().Be(1);
        other.Error.Should().Contain("dropout").And.NotContain("   at ");
    }

    [Fact]
    public void Cancelled_it_saves_and_says_how_to_go_on()
    {
        var (file, text) = (Path.Combine(_directory, "series"), new StringWriter());
        SeriesCommand.Run<float>(Screen.Create(text), TextWriter.Null, SeriesSettings.Default, new(Save: file), besidePyTorch: false, new CancellationToken(canceled: true)).Should().Be(130);
        text.ToString().Should().Contain("Stopped after 0 epochs and 0 batches.").And.Contain($"--resume {file}");
    }

    private static (int ExitCode, string Output, string Error) Run(params string[] arguments)
    {
        using StringWriter output = new(), error = new();
        var exitCode = NotebookCommand.Create().Parse(["series", .. arguments]).Invoke(new InvocationConfiguration { Output = output, Error = error });
        return (exitCode, output.ToString(), error.ToString());
    }

    [GeneratedRegex(@"(\S+) times as")]
    private static partial Regex Times();

    [GeneratedRegex(@"The losses of 200 steps are PyTorch's \(largest relative difference \S+\)\.")]
    private static partial Regex Verdict();
}
