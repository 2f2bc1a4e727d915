using FluentAssertions;
using Xunit;

namespace Backprop.Tests.Simd;

/// <summary>Who guards the guards: the exact functions against 33 digits computed elsewhere (mpmath), as the sum of two doubles.</summary>
public class ExactTests
{
    [Theory]
    [InlineData("Exp", 0.1, 1.1051709180756477, -8.149523913327619e-17)]
    [InlineData("Exp", -3.7, 0.024723526470339388, -1.294857794723138e-18)]
    [InlineData("Exp", 600.25, 4.844653964072874e+260, -2.6703522180615434e+244)]
    [InlineData("Exp", -600.5, 1.6075467697937942e-261, 3.537726127764541e-279)]
    [InlineData("Expm1", 1e-09, 1.0000000005000001e-09, -7.443897403844588e-26)]
    [InlineData("Expm1", -0.3, -0.2591817793182821, -1.805530505953e-18)]
    [InlineData("Expm1", 5.5, 243.69193226422038, 4.129320187450839e-15)]
    [InlineData("Sigmoid", 0.7, 0.668187772168166, 4.6882662817831034e-17)]
    [InlineData("Sigmoid", -20.25, 1.6052280526088545e-09, 8.808852032066078e-27)]
    [InlineData("Sigmoid", -600.0, 2.6503965530043108e-261, 6.377342817491395e-278)]
    [InlineData("LogSigmoid", 3.1, -0.04406396793857385, -2.3473179067463403e-18)]
    [InlineData("LogSigmoid", -2.2, -2.305083319768696, 1.0430271280914164e-16)]
    [InlineData("LogSigmoid", 40.0, -4.248354255291589e-18, -1.1535045108723066e-34)]
    [InlineData("Softplus", 3.1, 3.144063967938574, 1.5500298379270536e-16)]
    [InlineData("Softplus", -2.2, 0.1050833197686959, 6.719589653374008e-18)]
    [InlineData("Softplus", -40.0, 4.248354255291589e-18, 1.1535045108723066e-34)]
    [InlineData("Tanh", 0.0001, 9.999999966666667e-05, 4.51890806545438e-21)]
    [InlineData("Tanh", 0.8, 0.664036770267849, -3.064402210734779e-17)]
    [InlineData("Tanh", -15.0, -0.9999999999998128, -3.114257501541364e-17)]
    [InlineData("Erf", 1e-05, 1.1283791670579e-05, -3.369136869444807e-23)]
    [InlineData("Erf", -0.4, -0.42839235504666845, -2.711758748308591e-17)]
    [InlineData("Erf", 1.7, 0.9837904585907745, 4.16538078253101e-17)]
    [InlineData("Erf", 5.5, 0.9999999999999927, -3.03759554483649e-17)]
    [InlineData("Gaussian", 0.3, 0.9559974818331, -4.999315238082102e-17)]
    [InlineData("Gaussian", 4.4, 6.252150377482014e-05, 6.516606938226018e-21)]
    [InlineData("Gaussian", 30.0, 3.693883068487256e-196, 1.5419093736944057e-212)]
    [InlineData("Log", 1.0000001, 9.999999505838704e-08, 1.5249709528441489e-24)]
    [InlineData("Log", 0.3, -1.2039728043259361, 8.935521583403776e-17)]
    [InlineData("Log", 1e+300, 690.7755278982137, 2.3747660028800243e-14)]
    [InlineData("Log1p", 1e-08, 9.999999950000001e-09, -4.779087200456198e-25)]
    [InlineData("Log1p", -0.9, -2.302585092994046, -4.968982586806388e-18)]
    [InlineData("Log1p", 10000000000.0, 23.025850930040455, 1.3736784183183428e-15)]
    public void Thirty_digits_are_right(string name, double x, double high, double low)
    {
        Exact exact = Function<double>.All[name].Exact(x);
        double scale = Math.ScaleB(1, -exact.Exponent);
        DoubleDouble difference = exact.Value - new DoubleDouble(high * scale, low * scale);
        Math.Abs(difference.High).Should().BeLessThan(Math.Abs(exact.Value.High) * 1e-29);
    }

    [Fact]
    public void Errors_count_in_units_of_the_last_place()
    {
        Exact one = 1.0;
        one.Ulps(1 + Math.ScaleB(1, -52), 53, -1074, 1023).Should().Be(1);
        one.Ulps(1 + Math.ScaleB(1, -52), 24, -149, 127).Should().Be(Math.ScaleB(1, -29));
        Exact small = new(1, -1074);
        small.Ulps(0, 53, -1074, 1023).Should().Be(1);
        Exact great = new(1, 1024);
        great.Ulps(double.PositiveInfinity, 53, -1074, 1023).Should().Be(0);
        great.Ulps(double.MaxValue, 53, -1074, 1023).Should().Be(0.5);
    }
}
