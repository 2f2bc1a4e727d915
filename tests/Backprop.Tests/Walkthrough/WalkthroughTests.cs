using System.CommandLine;
using System.Text.RegularExpressions;
using Backprop.Walkthrough;
using CsCheck;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;

namespace Backprop.Tests;

/// <summary>What the walkthrough prints and how it ends, within this process.</summary>
public sealed class WalkthroughTests
{
    private static readonly Lazy<(int ExitCode, string Output, string Error)> Default = new(() => Run());

    [NeedsTorch]
    [Fact]
    public void The_notebooks_numbers_are_printed_and_all_agrees()
    {
        var (exitCode, output, error) = Default.Value;
        exitCode.Should().Be(0);
        error.Should().BeEmpty();
        Words(output).Should().Contain("L = 1/n sum (y_hat - y)^2 = 0.42893259384435")
            .And.Contain("w1 hidden weight 0.02133474194 0.02133474194 0.02133474194 ")
            .And.Contain("b1 hidden bias 0.00249732480 0.00249732480 0.00249732480 ")
            .And.Contain("w2 output weight -0.02863840478 -0.02863840478 -0.02863840478 ")
            .And.Contain("b2 output bias -0.10000000000 -0.10000000000 -0.10000000000 ")
            .And.Contain("All gradients agree.")
            .And.Contain("The notebook printed these four to three digits: 0.0213, 0.0025, -0.0286, -0.1.");
    }

    [NeedsTorch]
    [Fact]
    public void The_story_goes_in_the_notebooks_order_and_on_to_x()
    {
        string[] chapters =
        [
            "1. The data", "2. The network", "3. Forward pass", "4. Loss", "5. Backward pass", "dL/dy_hat = 2/n (y_hat - y)", "dL/dw2 = sum", "dL/db2 = sum",
            "dz1/da1 = z1 (1 - z1)", "dL/da1", "dL/dw1 = sum", "dL/db1 = sum", "dL/dx", "6. What the notebook hid", "7. The proof", "8. The fit", "o the points",
        ];
        var at = 0;
        foreach (var chapter in chapters)
        {
            at = Default.Value.Output.IndexOf(chapter, at, StringComparison.Ordinal);
            at.Should().BeGreaterThan(0, "\"{0}\" comes next", chapter);
        }
    }

    [Fact]
    public void The_forward_pass_has_a_row_for_each_point() =>
        Words(Default.Value.Output).Should().Contain(" x a1 z1 y_hat y ")
            .And.Contain(" -1.000000 0.100000 0.524979 -0.052498 -1.000000 ")
            .And.Contain(" 1.000000 -0.100000 0.475021 -0.047502 1.000000 ");

    [Fact]
    public void Factors_are_shown_for_each_point_with_their_mean_and_the_gradients_with_their_sum() =>
        Words(Default.Value.Output).Should().Contain(" -1.000000 -0.023688 0.524979 0.249376 -0.005907 ", "dL/dz1 * z1 (1 - z1) = dL/da1")
            .And.Contain(" mean 0.001250 0.500000 0.249732 0.000312 sum 0.010000 0.002497 ");

    [Fact]
    public void Equal_weights_hide_the_notebooks_slip() =>
        Words(Default.Value.Output).Should().Contain("Both weights are -0.1").And.Contain(" dL/dw1 0.021334741938 0.021334741938 ");

    [NeedsTorch]
    [Fact]
    public void Different_weights_show_it()
    {
        var (exitCode, output, _) = Run("--output-weight", "0.5", "--steps", "0");
        exitCode.Should().Be(0);
        Words(output).Should().Contain("The weights differ").And.Contain(" -0.200000 times what is right")
            .And.Contain(" dL/dw1 -0.108276814908 0.021655362982 ")
            .And.Contain(" w1 hidden weight -0.10827681491 -0.10827681491 -0.10827681491 ", "PyTorch is on the chain rule's side")
            .And.NotContain("The notebook printed", "its digits belong to its weights");
    }

    [NeedsTorch]
    [Fact]
    public void Float_is_told_with_floats_tolerance()
    {
        var (exitCode, output, _) = Run("--precision", "float", "--steps", "50");
        exitCode.Should().Be(0);
        Words(output).Should().Contain("(In float;").And.Contain("Allowed: 1e-6 + 1e-5 |g|").And.MatchRegex(@"w1 hidden weight 0\.0213347\d+ 0\.0213347\d+ 0\.0213347");
    }

    [NeedsTorch]
    [Fact]
    public void The_fit_learns_the_line_as_PyTorch_does() =>
        Words(Default.Value.Output).Should().Contain(" 0 0.428932593844 0.428932593844 0 ")
            .And.Contain(" 1000 0.002833156211 0.002833156211 ")
            .And.Contain("At the fitted weights, too, all gradients agree");

    [NeedsTorch]
    [Fact]
    public void A_learning_rate_that_is_too_large_is_named_and_is_no_disagreement()
    {
        var (exitCode, output, _) = Run("--learning-rate", "1000", "--steps", "500");
        exitCode.Should().Be(0);
        Words(output).Should().Contain("The loss has grown, and from step").And.Contain("Try a smaller --learning-rate.");
    }

    [Theory]
    [InlineData("--hidden-weight", "NaN", "--hidden-weight expects a number from -100 to 100, but it is NaN.")]
    [InlineData("--output-weight", "infinity", "--output-weight expects a number from -100 to 100, but it is infinity.")]
    [InlineData("--output-bias", "1e300", "--output-bias expects a number from -100 to 100, but it is 1e300.")]
    [InlineData("--hidden-bias", "one", "--hidden-bias expects a number from -100 to 100, but it is one.")]
    [InlineData("--hidden-bias", "0,5", "--hidden-bias expects a number from -100 to 100, but it is 0,5.")]
    [InlineData("--points", "0", "--points expects a whole number from 1 to 1000, but it is 0.")]
    [InlineData("--points", "-3", "--points expects a whole number from 1 to 1000, but it is -3.")]
    [InlineData("--points", "2.5", "--points expects a whole number from 1 to 1000, but it is 2.5.")]
    [InlineData("--points", "99999999999999", "--points expects a whole number from 1 to 1000, but it is 99999999999999.")]
    [InlineData("--learning-rate", "NaN", "--learning-rate expects a number from 0 to 1000, but it is NaN.")]
    [InlineData("--learning-rate", "-0.1", "--learning-rate expects a number from 0 to 1000, but it is -0.1.")]
    [InlineData("--steps", "2000000000", "--steps expects a whole number from 0 to 1000000, but it is 2000000000.")]
    [InlineData("--precision", "half", "--precision expects double or float, but it is half.")]
    [InlineData("--pionts", "8", "Unrecognized command or argument '--pionts'.")]
    public void A_bad_option_is_named_with_usage_and_exit_code_1(string option, string value, string message)
    {
        var (exitCode, output, error) = Run(option, value);
        exitCode.Should().Be(1);
        error.Should().Contain(message).And.NotContain("Exception");
        output.Should().Contain("Usage:").And.Contain("--learning-rate <number>").And.NotContain("The data");
        Widest(output + error).Should().BeLessThanOrEqualTo(80);
    }

    [Fact]
    public void An_option_without_its_value_gives_usage_and_exit_code_1()
    {
        var (exitCode, output, error) = Run("--points");
        exitCode.Should().Be(1);
        error.Should().Contain("--points");
        output.Should().Contain("Usage:");
    }

    [Fact]
    public void Help_lists_every_option_and_its_default() =>
        Run("--help").Output.Should().Contain("[default: -0.1]").And.Contain("[default: 1000]").And.Contain("<double|float>")
            .And.Contain("--hidden-weight").And.Contain("--hidden-bias").And.Contain("--output-weight").And.Contain("--output-bias");

    [NeedsTorch]
    [Fact]
    public void No_setting_raises_a_false_alarm_or_breaks_the_lines()
    {
        // Of every size up to the largest allowed, so that everything from underflow to saturation and cancellation is met.
        var parameter = Gen.Select(Gen.Double[-3, 2], Gen.Bool, Gen.Int[0, 9], (power, negative, zero) => zero == 0 ? 0 : (negative ? -1 : 1) * Math.Pow(10, power));
        Gen.Select(parameter, parameter, parameter, parameter, Gen.Int[1, 20], Gen.Bool).ForAll(settings =>
        {
            var (w1, b1, w2, b2, points, single) = settings;
            string[] arguments =
            [
                "--hidden-weight", $"{w1:R}", "--hidden-bias", $"{b1:R}", "--output-weight", $"{w2:R}", "--output-bias", $"{b2:R}",
                "--points", $"{points}", "--steps", "10", "--precision", single ? "float" : "double",
            ];
            var (exitCode, output, _) = Run(arguments);
            exitCode.Should().Be(0, "all gradients agree, but: {0}", Words(output));
            Widest(output).Should().BeLessThanOrEqualTo(80);
        }, count: 100);
    }

    [NeedsTorch]
    [Fact]
    public void A_wrong_derivative_is_named_and_the_exit_code_is_1()
    {
        var text = new StringWriter();
        var notebook = new Notebook<double>(NotebookSettings.Default with { Steps = 0 }, new SigmoidWithoutItsSlope());
        NotebookCommand.Run(Screen.Create(text), notebook, CancellationToken.None).Should().Be(1);
        Words(text.ToString()).Should().Contain("The factors do not give what the library computed: dL/da1 ")
            .And.Contain("Not all gradients agree. dL/dw1 is 0.0855001347").And.Contain(" by hand, but 0.0213347419")
            .And.Contain(" by PyTorch.").And.Contain(" by finite differences.")
            .And.NotContain("All gradients agree.").And.NotContain("dL/dw2 is ", "the output layer's gradients are right");
    }

    [Fact]
    public void A_cancelled_run_stops_with_the_exit_code_of_an_interrupt()
    {
        var text = new StringWriter();
        NotebookCommand.Run(Screen.Create(text), new Notebook<double>(NotebookSettings.Default), new CancellationToken(canceled: true)).Should().Be(130);
        text.ToString().Should().EndWith($"Stopped.{Environment.NewLine}");
    }

    private static (int ExitCode, string Output, string Error) Run(params string[] arguments)
    {
        using StringWriter output = new(), error = new();
        var exitCode = NotebookCommand.Create().Parse(arguments).Invoke(new InvocationConfiguration { Output = output, Error = error });
        return (exitCode, output.ToString(), error.ToString());
    }

    /// <summary>The text without its layout.</summary>
    private static string Words(string text) => Regex.Replace(text, @"\s+", " ");

    private static int Widest(string text) => text.Split('\n').Max(line => line.Length);

    /// <summary>The derivative of y = 1 / (1 + e^-x) without its y (1 - y).</summary>
    private sealed class SigmoidWithoutItsSlope : Layer<double>
    {
        protected override Matrix<double> ForwardCore(Matrix<double> x, ForwardPass<double> pass)
        {
            var y = pass.NewOutput(x.RowCount, x.ColumnCount);
            x.Map(value => 1 / (1 + Math.Exp(-value)), y, Zeros.Include);
            return y;
        }

        protected override Matrix<double> BackwardCore(ForwardPass<double> pass, Matrix<double> dY)
        {
            var dX = pass.NewInputGradient();
            dY.CopyTo(dX);
            return dX;
        }
    }
}
