// Something to say in each language.

export const EXAMPLES = {
  en: [
    "Good evening! Every word of this sentence is spoken while the next one is still being made. In 1998 it would have taken a room full of machines; today, two processor cores are enough.",
    "The train to Edinburgh leaves at 9:45 from platform 7, costs £42.50, and arrives [pause:400ms] — if nothing happens — before noon.",
  ],
  es: ["Buenas tardes. Cada palabra de esta frase se pronuncia mientras la siguiente todavía se está creando."],
  fr: ["Bonsoir ! Chaque mot de cette phrase est prononcé pendant que le suivant est encore en préparation."],
  hi: ["नमस्ते! इस वाक्य का हर शब्द तब बोला जाता है जब अगला अभी बन रहा होता है।"],
  it: ["Buonasera! Ogni parola di questa frase viene pronunciata mentre la successiva è ancora in preparazione."],
  ja: ["こんばんは。この文の言葉は、次の文がまだ作られている間に話されています。二つのコアがあれば十分です。"],
  pt: ["Boa noite! Cada palavra desta frase é falada enquanto a próxima ainda está sendo feita."],
  zh: ["晚上好！这句话的每个词都在下一句还在合成的时候就已经说出来了。两个处理器核心就足够了。"],
};
