// Serves one model twice: POST /onnx asks ONNX Runtime, which has the exported file, POST /backprop the predictor in this process.
// Both take 64 pixels and give ten probabilities.
//   dotnet run -- --urls http://127.0.0.1:5080   then: curl 127.0.0.1:5080/onnx -H 'Content-Type: application/json' -d "[0,0,5,13, ... ]"
//   dotnet run -- --check                        serves on a free port of this machine, asks both, and compares answers and times
using Backprop;
using Samples.Serve;

var check = args.Contains("--check");
var (model, pixels) = Digits.Train();
using var onnx = new OnnxServed(model);
var predictor = model.ToPredictor();

var builder = WebApplication.CreateBuilder(check ? ["--urls", "http://127.0.0.1:0", "--Logging:LogLevel:Default", "Warning"] : args);
await using var app = builder.Build();
app.MapPost("/onnx", (float[] x) => Answer(x, onnx.Predict));
app.MapPost("/backprop", (float[] x) => Answer(x, predictor.Predict));
if (!check)
{
    await app.RunAsync();
    return 0;
}

await app.StartAsync();
using var client = new HttpClient { BaseAddress = new Uri(app.Urls.Single()) };
var (apart, asked) = (0f, pixels.Take(50).ToArray());
foreach (var x in asked)
{
    var (there, here) = (await Ask("/onnx", x), await Ask("/backprop", x));
    for (var k = 0; k < here.Length; k++) apart = Math.Max(apart, Math.Abs(there[k] - here[k]));
}

using var refused = await client.PostAsJsonAsync("/backprop", asked[0][..63]);
Console.WriteLine($"{asked.Length} digits asked of both, probabilities at most {apart:E1} apart; of 63 pixels: {(int)refused.StatusCode}");
foreach (var path in (string[])["/onnx", "/backprop"])
    Console.WriteLine($"{path}: {await Clock.Microseconds(() => Ask(path, asked[0])):F0} us a request, at best");
foreach (var (name, predict) in ((string, Predict)[])[("ONNX Runtime", onnx.Predict), ("Backprop", predictor.Predict)])
    Console.WriteLine($"in the process, {name}: {await Clock.Microseconds(() => Task.FromResult(Direct(predict))):F1} us a row, at best");
return apart < 1e-5 && !refused.IsSuccessStatusCode ? 0 : 1;

IResult Answer(float[] x, Predict predict) => x.Length == 64
    ? Results.Ok(Of(x, predict))
    : Results.Problem($"64 pixels are expected, but there are {x.Length}.", statusCode: StatusCodes.Status400BadRequest);

async Task<float[]> Ask(string path, float[] x)
{
    using var response = await client.PostAsJsonAsync(path, x);
    return (await response.EnsureSuccessStatusCode().Content.ReadFromJsonAsync<float[]>())!;
}

float[] Direct(Predict predict) => Of(asked[0], predict);

static float[] Of(float[] x, Predict predict)
{
    var y = new float[10];
    predict(x, y);
    return y;
}
